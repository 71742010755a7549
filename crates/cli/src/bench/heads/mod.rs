//! Heads of language models: a linear layer and its loss in one, forward and backward, and the evaluation without logits.

mod arrays;
mod loaded;
mod table;

use std::time::{Duration, Instant};

use gpu_loss::{Dtype, GpuLoss};

use self::loaded::Loaded;
pub(crate) use self::table::{Document, Heads, Line};
use super::options::BenchArgs;
use crate::failure::Failure;
use crate::loss_name::LINEAR_CE;

/// Rows of a batch where the adapter is fast enough.
const ROWS: usize = 2048;
/// Rows of a tile of the products: fewer take as long.
const FEWEST: usize = 64;
/// Runs of each case, at least and at most.
const RUNS: std::ops::RangeInclusive<usize> = 3..=20;

/// The last layer of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) name: &'static str,
    pub(crate) hidden: usize,
    pub(crate) vocabulary: usize,
}

const HEADS: [Head; 2] = [
    Head { name: "GPT-2", hidden: 768, vocabulary: 50_257 },
    Head { name: "Llama-3", hidden: 4096, vocabulary: 128_256 },
];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) head: Head,
    pub(crate) rows: usize,
    pub(crate) dtype: Dtype,
    /// Losses alone, by the product that keeps no logits.
    pub(crate) evaluation: bool,
}

impl Case {
    pub(crate) fn mode(&self) -> &'static str {
        if self.evaluation { "loss" } else { "loss+grad" }
    }

    /// Multiplications and additions of the products: one, or three with gradients.
    pub(crate) fn flop(&self) -> f64 {
        let products = if self.evaluation { 1.0 } else { 3.0 };
        2.0 * products * (self.rows * self.head.hidden) as f64 * self.head.vocabulary as f64
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Case { head: Head { name, hidden, vocabulary }, rows, dtype, .. } = self;
        write!(f, "{LINEAR_CE} {name} {rows} × {hidden} × {vocabulary} {} {}", dtype.name(), self.mode())
    }
}

/// Whether the filters ask for heads.
pub(crate) fn are_wanted(args: &BenchArgs) -> bool {
    args.filters.loss.iter().any(|name| name.is_linear())
}

/// Refuses what heads have no use for, and names of none.
pub(crate) fn check(args: &BenchArgs) -> Result<(), Failure> {
    if !are_wanted(args) {
        return Ok(());
    }
    if args.filters.loss.iter().all(|name| name.is_linear()) {
        let unused = [
            ("--report", args.report.is_some()),
            ("--check", args.check),
            ("--large", args.large),
            ("--strategy", args.filters.strategy.is_some()),
        ];
        if let Some((option, _)) = unused.iter().find(|(_, given)| *given) {
            return Err(Failure::usage(format!("{option} does not apply to --loss {LINEAR_CE}")));
        }
    }
    if chosen(args).next().is_none() {
        let known: Vec<String> = HEADS.iter().map(|head| format!("{} ({})", head.vocabulary, head.name)).collect();
        return Err(Failure::usage(format!("--loss {LINEAR_CE} has heads of {} classes", known.join(" and "))));
    }
    Ok(())
}

/// The heads that the filters leave.
fn chosen(args: &BenchArgs) -> impl Iterator<Item = Head> {
    let classes = &args.filters.classes;
    HEADS.into_iter().filter(move |head| classes.is_empty() || classes.iter().any(|c| *c as usize == head.vocabulary))
}

/// The cases without their rows. A large head is trained in bf16.
fn cases(args: &BenchArgs) -> Vec<Case> {
    let mut cases = Vec::new();
    for head in chosen(args) {
        let usual: &[Dtype] = if head.hidden > 1024 { &[Dtype::Bf16] } else { &[Dtype::F32, Dtype::Bf16] };
        let asked: Vec<Dtype> = args.filters.dtype.iter().map(|name| name.dtype()).collect();
        for dtype in if asked.is_empty() { usual.to_vec() } else { asked } {
            cases.extend([false, true].map(|evaluation| Case { head, rows: FEWEST, dtype, evaluation }));
        }
    }
    cases
}

/// Measures the heads that fit, each with as many rows as a run of some seconds takes.
pub(crate) fn measure(gpu: &GpuLoss, args: &BenchArgs, mut tell: impl FnMut(&Case)) -> Result<Heads, Failure> {
    let patience = Duration::from_secs(if args.quick { 2 } else { 10 });
    let mut heads = Heads::default();
    // FLOP a second, of the last run.
    let mut rate: Option<f64> = None;
    for few in cases(args) {
        tell(&few);
        let foreseen = rate.map(|rate| Duration::from_secs_f64(few.flop() / rate));
        if let Some(time) = foreseen.filter(|time| *time > 2 * patience) {
            heads.left_out.push(format!("{few}: would take about {} s a run", time.as_secs()));
            continue;
        }
        let measured = loaded(gpu, &few).and_then(|first| {
            let rows = rows_within(patience, &few, first.run(gpu)?);
            let case = Case { rows, ..few };
            let ready = if rows == few.rows {
                first
            } else {
                drop(first);
                loaded(gpu, &case)?
            };
            tell(&case);
            line(gpu, &ready, case, patience)
        });
        match measured {
            Ok(line) => {
                rate = Some(line.case.flop() / line.median_ms * 1e3);
                heads.lines.push(line);
            }
            Err(failure) if failure.exit == crate::failure::Exit::Check => return Err(failure),
            Err(failure) => heads.left_out.push(format!("{few}: {}", failure.line())),
        }
    }
    Ok(heads)
}

/// A case on the device, warm, its results held against the reference.
fn loaded(gpu: &GpuLoss, case: &Case) -> Result<Loaded, Failure> {
    let loaded = Loaded::new(gpu, case)?;
    loaded.check(gpu)?;
    Ok(loaded)
}

/// As many rows, by powers of two, as a run of so long takes.
fn rows_within(patience: Duration, few: &Case, took: Duration) -> usize {
    let mut rows = few.rows;
    while rows < ROWS && took * (2 * rows / few.rows) as u32 <= patience {
        rows *= 2;
    }
    rows
}

/// Times a case, in turns with its loss alone.
fn line(gpu: &GpuLoss, loaded: &Loaded, case: Case, patience: Duration) -> Result<Line, Failure> {
    let began = Instant::now();
    let (mut runs, mut losses) = (Vec::new(), Vec::new());
    while runs.len() < *RUNS.start() || runs.len() < *RUNS.end() && began.elapsed() < patience {
        runs.push(loaded.run(gpu)?.as_secs_f64() * 1e3);
        losses.extend(loaded.run_loss(gpu)?.map(|time| time.as_secs_f64() * 1e3));
    }
    runs.sort_by(f64::total_cmp);
    losses.sort_by(f64::total_cmp);
    let median_ms = super::measure::median(&runs);
    let loss_share = (!losses.is_empty()).then(|| super::measure::median(&losses) / median_ms);
    let (chunk_rows, scratch_bytes) = (loaded.plan.chunk_rows(), loaded.plan.scratch_bytes());
    Ok(Line { case, median_ms, min_ms: runs[0], loss_share, chunk_rows, scratch_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn parsed(line: &str) -> BenchArgs {
        let line = ["gpu-loss", "bench"].into_iter().chain(line.split_whitespace());
        let Command::Bench(args) = Cli::try_parse_from(line).unwrap().command else { unreachable!() };
        *args
    }

    #[test]
    fn filters_leave_heads() {
        let listed = |line: &str| cases(&parsed(line)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(listed("--loss linear-ce").len(), 6);
        assert_eq!(
            listed("--loss linear-ce --classes 50257 --dtype f16"),
            ["linear-ce GPT-2 64 × 768 × 50257 f16 loss+grad", "linear-ce GPT-2 64 × 768 × 50257 f16 loss"]
        );
        let told = check(&parsed("--loss linear-ce --classes 1000")).unwrap_err().line();
        assert!(told.contains("50257 (GPT-2) and 128256 (Llama-3)"), "{told}");
        let told = check(&parsed("--loss linear-ce --check")).unwrap_err().line();
        assert!(told.contains("--check does not apply"), "{told}");
        check(&parsed("--loss softmax-ce --check")).unwrap();
    }

    #[test]
    fn rows_follow_from_how_long_a_few_take() {
        let few = cases(&parsed("--loss linear-ce"))[0];
        let within = |took| rows_within(Duration::from_secs(10), &few, Duration::from_millis(took));
        assert_eq!([within(1), within(1000), within(6000)], [2048, 512, 64]);
    }
}
