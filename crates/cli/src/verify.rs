//! `gpu-loss verify`: every loss on every adapter, against the reference.

use std::time::Instant;

use gpu_loss::builder::AdapterFilter;
use gpu_loss::verify::{Case, LinearCase, Scope, cases, check, check_linear, linear_cases};
use gpu_loss::{GpuLoss, wgpu};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::failure::Failure;
use crate::loss_name::LINEAR_CE;
use crate::tally::Tally;
use crate::{adapters, json, terminal};

/// Checks every adapter, all at the same time, and prints a table for each.
pub(crate) fn verify(args: &VerifyArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    let scope = if args.quick { Scope::quick() } else { Scope::full() };
    let (cases, linear) = (cases(scope), linear_cases(scope));
    let found = adapters::find(filter)?;
    let bar = progress((cases.len() + linear.len()) * found.len());
    let start = Instant::now();
    // Most of the time goes into compiling pipelines, by one thread for each adapter.
    let tallies = std::thread::scope(|scope| {
        let threads: Vec<_> =
            found.iter().map(|adapter| scope.spawn(|| check_adapter(adapter, (&cases, &linear), &bar))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<Tally>, Failure>>()
    });
    bar.finish_and_clear();
    let summary = Summary {
        combinations: tallies.as_ref().map_or(0, |tallies| tallies.iter().map(Tally::combinations).sum()),
        failed: tallies.as_ref().map_or(0, |tallies| tallies.iter().map(Tally::failed).sum()),
        seconds: start.elapsed().as_secs_f64(),
        adapters: tallies?,
    };
    if args.json {
        json::print(&summary)?
    } else {
        terminal::print(&summary.lines())?
    }
    if summary.failed > 0 {
        let Summary { combinations, failed, .. } = summary;
        return Err(Failure::check(format!(
            "{failed} of {combinations} combinations are outside the promised accuracy"
        )));
    }
    Ok(())
}

/// All that was checked.
#[derive(Serialize)]
struct Summary {
    combinations: usize,
    failed: usize,
    seconds: f64,
    adapters: Vec<Tally>,
}

impl Summary {
    fn lines(&self) -> String {
        let Summary { combinations, failed, seconds, adapters } = self;
        let tables: String = adapters.iter().map(Tally::table).collect();
        let plural = if adapters.len() == 1 { "" } else { "s" };
        let verdict =
            if *failed == 0 { "all within the promise".into() } else { format!("{failed} outside the promise") };
        format!(
            "{tables}{combinations} combinations on {} adapter{plural} in {seconds:.0} s: {verdict}\n",
            adapters.len()
        )
    }
}

/// Shown on a terminal only.
fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} of about {duration}  {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn check_adapter(
    adapter: &wgpu::Adapter,
    (cases, linear): (&[Case], &[LinearCase]),
    bar: &ProgressBar,
) -> Result<Tally, Failure> {
    // This is the test.
    let opened = GpuLoss::builder().self_test(false).on_adapter(adapter);
    let gpu = opened.map_err(|error| Failure::library(&error, None))?;
    let mut tally = Tally::new(gpu.adapter_info());
    for case in cases {
        bar.set_message(format!(
            "{} {} {}",
            case.kind().hyphenated().to_owned(),
            case.form().name(),
            case.dtype().name()
        ));
        match pollster::block_on(check(&gpu, case)) {
            Ok(verdicts) => verdicts.into_iter().for_each(|verdict| tally.add(case, &verdict)),
            Err(error) => tally.refused(case, &error)?,
        }
        bar.inc(1);
    }
    for case in linear {
        bar.set_message(format!("{LINEAR_CE} classes {}", case.dtype().name()));
        match pollster::block_on(check_linear(&gpu, case)) {
            Ok(difference) => tally.add_linear(case, &difference),
            Err(error) => tally.refused_linear(case, &error)?,
        }
        bar.inc(1);
    }
    Ok(tally)
}
