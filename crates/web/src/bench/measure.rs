//! One case: loaded, checked, and timed in turns with the best copy.

use gpu_loss::plan::Strategy;
use gpu_loss::{GpuLoss, Result};

use super::batch::Loaded;
use super::cases::Case;
use super::copy::BestCopy;
use super::timer::{Timer, Work, milliseconds};

/// Rounds at least, and at most.
const ROUNDS: std::ops::RangeInclusive<usize> = 5..=50;
/// How long to measure once the fewest rounds are done, in ms.
const TIME: f64 = 500.0;

/// A row of the table.
pub(super) struct Row {
    pub(super) case: Case,
    pub(super) strategy: Strategy,
    pub(super) median_ms: f64,
    pub(super) min_ms: f64,
    /// The least that must move.
    pub(super) bytes: u64,
    pub(super) copy_gbps: f64,
}

impl Row {
    pub(super) fn gbps(&self) -> f64 {
        self.bytes as f64 / self.median_ms * 1e-6
    }
}

pub(super) async fn measure(gpu: &GpuLoss, timer: &Timer, case: &Case) -> Result<Row> {
    let loaded = Loaded::new(gpu, case).await?;
    let plan = loaded.plan(gpu).await?;
    loaded.check(gpu, &plan).await?;
    let buffers = loaded.buffers();
    let work = Work::Plan(&plan, &buffers);
    let (row_bytes, ends) = ((case.shape.classes * case.dtype.size()) as u64, [&loaded.scores, &loaded.sink]);
    let copy = BestCopy::best(gpu, timer, ends, loaded.copied(), row_bytes).await?;
    let copy_work = copy.work(&loaded.scores, &loaded.sink);
    // Once to warm up.
    let repeats = timer.repeats(timer.time(gpu, &work, 1).await?);
    let copies = timer.repeats(timer.time(gpu, &copy_work, 1).await?);
    let (mut times, mut copy_times) = (Vec::new(), Vec::new());
    let start = milliseconds();
    for round in 0..*ROUNDS.end() {
        if round >= *ROUNDS.start() && milliseconds() - start >= TIME {
            break;
        }
        copy_times.push(timer.time(gpu, &copy_work, copies).await?);
        times.push(timer.time(gpu, &work, repeats).await?);
    }
    times.sort_by(f64::total_cmp);
    copy_times.sort_by(f64::total_cmp);
    Ok(Row {
        case: loaded.case,
        strategy: plan.strategy(),
        median_ms: median(&times),
        min_ms: times[0],
        bytes: loaded.bytes,
        copy_gbps: copy.moved() as f64 / median(&copy_times) * 1e-6,
    })
}

/// The middle one of some sorted numbers, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}
