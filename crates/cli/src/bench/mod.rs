//! `gpu-loss bench`: how fast, and how near to a copy.

mod axis;
mod bars;
mod charts;
mod colours;
mod copy;
mod data;
mod escape;
mod heads;
mod html;
mod loaded;
mod measure;
mod memory;
mod one_call;
mod options;
mod plot;
mod report;
mod section;
mod shader_copy;
mod shapes;
mod svg;
mod table;
mod timer;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gpu_loss::builder::AdapterFilter;
use gpu_loss::{GpuLoss, wgpu};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(crate) use self::options::BenchArgs;

use self::bars::{Bar, bars};
use self::measure::{Effort, measure};
use self::options::Strategies;
use self::section::Section;
use self::shapes::{Case, Role};
use self::table::AdapterRun;
use self::timer::Timer;
use crate::failure::{Failure, io_message, one_line};
use crate::replace::{Place, Written};
use crate::{adapters, terminal};

/// Measures every adapter, one after another, and prints a table for each; files come first, each whole or not at all.
pub(crate) fn bench(args: &BenchArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    // What is wrong with the filters or the files shows before a device is opened.
    shapes::cases(args, u64::MAX)?;
    heads::check(args)?;
    let json = args.json.as_deref().map(Place::check).transpose()?;
    let found = adapters::find(filter)?;
    let report = args.report.as_deref().map(report_place).transpose()?;
    let bar = progress();
    let runs: Result<Vec<AdapterRun>, Failure> = found.iter().map(|adapter| run(adapter, args, &bar)).collect();
    bar.finish_and_clear();
    let runs: Vec<(AdapterRun, Vec<Bar>)> = runs?
        .into_iter()
        .map(|run| {
            let bars = if args.check { bars(&run) } else { Vec::new() };
            (run, bars)
        })
        .collect();
    if runs.iter().all(|(run, _)| run.rows.is_empty() && run.heads.lines.is_empty()) {
        let left_out = |run: &AdapterRun| -> Vec<String> {
            run.left_out.iter().map(ToString::to_string).chain(run.heads.left_out.iter().cloned()).collect()
        };
        let first = runs.iter().flat_map(|(run, _)| left_out(run)).next().unwrap_or_default();
        return Err(Failure::usage(format!("no shape is left to measure: {first}")));
    }
    write_files(json, report, &runs)?;
    let mut text: String = runs.iter().map(|(run, bars)| printed(run, bars)).collect();
    if let Some(path) = &args.json {
        text += &format!("figures as JSON: {}\n", one_line(&path.display().to_string()));
    }
    if let Some(directory) = &args.report {
        text += &where_it_is(directory);
    }
    terminal::print(&text)?;
    let all: Vec<&Bar> = runs.iter().flat_map(|(_, bars)| bars).collect();
    let missed = all.iter().filter(|bar| !bar.kept()).count();
    match missed {
        0 => Ok(()),
        _ => Err(Failure::check(format!("{missed} of {} figures miss their bars", all.len()))),
    }
}

/// Draws the report of figures that were measured before.
pub(crate) fn draw(from: &Path, directory: &Path) -> Result<(), Failure> {
    let sections = section::read(from)?;
    let report = report_place(directory)?;
    put(&report_files(report, &sections)?)?;
    terminal::print(&where_it_is(directory))
}

/// The line that says where the report is.
fn where_it_is(directory: &Path) -> String {
    format!("report: {}\n", one_line(&directory.join("index.html").display().to_string()))
}

/// The table of an adapter, and its figures against their bars.
fn printed(run: &AdapterRun, bars: &[Bar]) -> String {
    let mut text = run.table();
    if !bars.is_empty() {
        text += "  figures against their bars\n";
    }
    bars.iter().for_each(|bar| text = format!("{text}{}\n", bar.line()));
    text
}

/// All are complete before the first takes its place.
fn write_files(json: Option<Place>, report: Option<Report>, runs: &[(AdapterRun, Vec<Bar>)]) -> Result<(), Failure> {
    let mut files: Vec<(Place, Vec<u8>)> = Vec::new();
    if let Some(place) = json {
        let documents: Vec<_> = runs.iter().flat_map(|(run, _)| run.documents()).collect();
        let mut text = serde_json::to_vec_pretty(&documents)
            .map_err(|error| Failure::device(format!("the figures as JSON: {error}")))?;
        text.push(b'\n');
        files.push((place, text));
    }
    if let Some(report) = report {
        let sections: Vec<Section> = runs.iter().map(|(run, bars)| Section::of(run, bars)).collect();
        files.extend(report_files(report, &sections)?);
    }
    put(&files)
}

/// The page and its pictures.
fn report_files(report: Report, sections: &[Section]) -> Result<Vec<(Place, Vec<u8>)>, Failure> {
    let Report { directory, page } = report;
    let mut files = Vec::new();
    for (name, picture) in report::pictures(sections) {
        files.push((Place::check(&directory.join(name))?, picture.into_bytes()));
    }
    files.push((page, report::report(sections).into_bytes()));
    Ok(files)
}

fn put(files: &[(Place, Vec<u8>)]) -> Result<(), Failure> {
    let written: Result<Vec<_>, Failure> =
        files.iter().map(|(place, bytes)| place.write(|file| file.write_all(bytes))).collect();
    written?.into_iter().try_for_each(Written::put_in_place)
}

/// Where a report goes.
struct Report {
    directory: PathBuf,
    page: Place,
}

/// A directory for a report, made if it is not there.
fn report_place(directory: &Path) -> Result<Report, Failure> {
    std::fs::create_dir_all(directory)
        .map_err(|error| Failure::file(directory, format!("the directory cannot be made: {}", io_message(&error))))?;
    Ok(Report { directory: directory.into(), page: Place::check(&directory.join("index.html"))? })
}

/// Measures one adapter.
fn run(adapter: &wgpu::Adapter, args: &BenchArgs, bar: &ProgressBar) -> Result<AdapterRun, Failure> {
    let gpu = open(adapter)?;
    let timer = Timer::new(&gpu)?;
    let cases = shapes::cases(args, gpu.device().limits().max_buffer_size)?;
    bar.set_length(cases.len() as u64);
    bar.set_position(0);
    let time = Duration::from_millis(if args.quick { 100 } else { 1500 });
    let title = adapters::describe(gpu.adapter_info());
    let mut run = AdapterRun {
        info: gpu.adapter_info().clone(),
        profile: gpu.profile(),
        timer: timer.name(),
        rows: Vec::new(),
        left_out: Vec::new(),
        one_call: None,
        heads: heads::Heads::default(),
    };
    for group in groups(&cases) {
        // Fewer rows are there for the time alone.
        let plain = group.iter().all(|case| case.role == Role::Fewer) && args.strategies() == Strategies::All;
        let effort = Effort { strategies: if plain { Strategies::Default } else { args.strategies() }, time };
        let measured = measure(&gpu, &timer, group, effort, |case| {
            bar.set_message(format!("{case} on {title}"));
            bar.inc(1);
        })?;
        run.rows.extend(measured.rows);
        run.left_out.extend(measured.left_out);
    }
    if heads::are_wanted(args) {
        run.heads = heads::measure(&gpu, args, |case| bar.set_message(format!("{case} on {title}")))?;
    }
    if args.check {
        run.one_call = Some(one_call::one_call(&gpu)?);
    }
    Ok(run)
}

/// A device with everything that the losses use, and timestamps around copies where there are any.
fn open(adapter: &wgpu::Adapter) -> Result<GpuLoss, Failure> {
    let (features, limits) = GpuLoss::wanted(adapter);
    open_with(adapter, features | (adapter.features() & wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS), limits)
}

fn open_with(
    adapter: &wgpu::Adapter,
    required_features: wgpu::Features,
    required_limits: wgpu::Limits,
) -> Result<GpuLoss, Failure> {
    let label = Some("gpu-loss bench");
    let descriptor = wgpu::DeviceDescriptor { label, required_features, required_limits, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
        .map_err(|error| Failure::device(format!("opening {}: {error}", adapter.get_info().name)))?;
    GpuLoss::from_device(adapter, device, queue).map_err(|error| Failure::library(&error, None))
}

/// Cases that are compared with each other, as far as they are held in memory together.
fn groups(cases: &[Case]) -> Vec<&[Case]> {
    /// Bytes of scores that are held at once; gradients come to as much.
    const TOGETHER: u64 = 1 << 30;
    let mut groups = Vec::new();
    let (mut first, mut bytes) = (0, 0);
    for (at, case) in cases.iter().enumerate() {
        // The large one is there to be compared.
        let own = if case.role == Role::Large { 0 } else { case.score_bytes() };
        if at > first && (!cases[at - 1].belongs_to(case) || bytes + own > TOGETHER) {
            groups.push(&cases[first..at]);
            (first, bytes) = (at, 0);
        }
        bytes += own;
    }
    groups.extend((first < cases.len()).then(|| &cases[first..]));
    groups
}

/// Shown on a terminal only.
fn progress() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}  {wide_msg}") {
        bar.set_style(style);
    }
    bar
}
