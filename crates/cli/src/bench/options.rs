//! What the command line of `gpu-loss bench` holds.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gpu_loss::Dtype;
use gpu_loss::plan::Strategy;

use crate::loss_name::LossName;

const HELP: &str = "\
Examples:
  gpu-loss bench --quick                                   a first look
  gpu-loss bench --json bench.json --report report         everything, kept; then open report/index.html
  gpu-loss bench --from bench.json --report report         the same page again, from the figures
  gpu-loss bench --classes 50257 --dtype bf16 --strategy all
  gpu-loss --backend vulkan bench --check                  exit code 1 if a figure misses its bar
  gpu-loss bench --loss linear-ce                          heads of language models, without their logits

Each shape is checked against the float64 reference, then timed on device memory: loss and gradient in turns with the
best copy of the same number of bytes that was found on this adapter, and with the best by a kernel, which may be
slower (on software adapters copy_buffer_to_buffer is a memcpy). Times are the GPU's own where it keeps them,
else from submission until all is done. Figures are medians.

--json writes an array of objects: loss, targets, rows, classes, dtype, mode (loss+grad, loss or grad), strategy, profile,
backend, adapter, driver, timer (gpu or wall), median_ms, min_ms, bytes (the least that must move: scores once in,
gradient once out, targets, losses), gbps, copy_gbps, of_copy (gbps / copy_gbps), moved_bytes (what the plan reads and
writes), first_call_ms (until the first run of a plan is done, its kernels built and tested). For linear-ce: loss, head,
rows, hidden, classes, dtype, mode, profile, backend, adapter, driver, timer (wall), median_ms, min_ms, gflops, loss_share
(what the loss kernels take of it), chunk_rows, scratch_bytes.

The heads of linear-ce are GPT-2's (768 × 50,257) and Llama-3's (4,096 × 128,256), with up to 2,048 rows: as many as a run
of 10 s takes (2 with --quick).";

/// What `--from` has no use for.
const MEASURING: [&str; 9] = ["json", "check", "quick", "large", "loss", "classes", "dtype", "strategy", "elements"];

/// `gpu-loss bench`
#[derive(Debug, Default, Args)]
#[command(after_help = HELP)]
pub(crate) struct BenchArgs {
    /// Write the table to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page with charts, index.html, and each chart as SVG into this directory; implies --strategy all
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Measure nothing: draw the report of figures that --json wrote before into this file
    #[arg(long, value_name = "FILE", requires = "report", conflicts_with_all = MEASURING)]
    pub(crate) from: Option<PathBuf>,
    /// Hold the figures against their bars; implies --strategy all and, without --quick, --large
    #[arg(long)]
    pub(crate) check: bool,
    /// Fewer shapes and rounds
    #[arg(long)]
    pub(crate) quick: bool,
    /// Add a batch as large as a buffer of the adapter allows, in bf16, if memory holds it
    #[arg(long)]
    pub(crate) large: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

impl BenchArgs {
    /// Which strategies to measure: a comparison needs them all.
    pub(crate) fn strategies(&self) -> Strategies {
        match (&self.filters.strategy, self.check || self.report.is_some()) {
            (Some(choice), _) => *choice,
            (None, true) => Strategies::All,
            (None, false) => Strategies::Default,
        }
    }
}

/// Which shapes.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filters {
    /// Only these losses [default: softmax-ce, and one row of sigmoid-ce]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) loss: Vec<LossName>,
    /// Only these numbers of classes [default: 10,100,1000,4096,32000,50257,128256]
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) classes: Vec<u32>,
    /// Only these types of scores [default: f32,f16,bf16]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) dtype: Vec<DtypeName>,
    /// Force this strategy, or compare all that serve [default: the library's choice]
    #[arg(long, value_name = "NAME|all", value_parser = strategies)]
    pub(crate) strategy: Option<Strategies>,
    /// Scores of a batch: rows are this many divided by the classes
    #[arg(long, value_name = "N", default_value_t = ELEMENTS, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    pub(crate) elements: u64,
}

/// Scores of a batch unless said otherwise.
pub(crate) const ELEMENTS: u64 = 16_777_216;

/// The strategies to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategies {
    Default,
    One(Strategy),
    All,
}

fn strategies(name: &str) -> Result<Strategies, String> {
    if name == "all" {
        return Ok(Strategies::All);
    }
    name.parse().map(Strategies::One).map_err(|_| {
        let names: Vec<&str> = Strategy::ALL.iter().map(|s| s.name()).collect();
        format!("expected all or one of {}", names.join(", "))
    })
}

/// The types of scores by their names on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    F32,
    F16,
    Bf16,
}

impl DtypeName {
    pub(crate) fn dtype(self) -> Dtype {
        match self {
            DtypeName::F32 => Dtype::F32,
            DtypeName::F16 => Dtype::F16,
            DtypeName::Bf16 => Dtype::Bf16,
        }
    }
}
