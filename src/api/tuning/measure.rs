//! Strategies timed against each other, in turns, on random scores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::scratch::Scratch;
use crate::batch::Shape;
use crate::device::profile::Sample;
use crate::device::{Context, Wait, guarded, read};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::loss::Spec;
use crate::plan::{Plan, build};
use crate::schedule::Strategy;

/// When this has passed, no further run begins; kernels are built before.
const TIME: Duration = Duration::from_millis(300);
/// Runs of each strategy whose median counts.
const ROUNDS: usize = 5;
/// A run takes at least as long: shorter plans are run several times over, so that submitting counts for little.
const RUN: Duration = Duration::from_millis(2);
/// Most repetitions in one run.
const REPETITIONS: u32 = 32;
/// A strategy that takes so many times as long as the best is not run again.
const FAR_BEHIND: u32 = 2;
/// The model's choice stays unless another takes at most this share of its time: timings scatter.
const CLEARLY: f64 = 0.97;

struct Candidate {
    strategy: Strategy,
    plan: Plan,
    times: Vec<Duration>,
}

impl Candidate {
    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(Duration::MAX)
    }
}

/// The fastest of the strategies, of which the first is the model's; `None` where the batch is too large to try.
pub(super) async fn fastest(
    context: &Arc<Context>,
    spec: &Spec,
    layout: &Layout,
    strategies: &[Strategy],
) -> Result<Option<Strategy>> {
    let Some(sample) = sample(layout, context.profile.sample) else { return Ok(None) };
    let mut candidates = Vec::with_capacity(strategies.len());
    for strategy in strategies.iter().copied() {
        match build(context, spec, &sample, Some(strategy)).await {
            Ok(plan) => candidates.push(Candidate { strategy, plan, times: Vec::with_capacity(ROUNDS) }),
            Err(error @ Error::DeviceLost { .. }) => return Err(error),
            // One strategy's kernels may need more than the device has.
            Err(error) => log::info!("{} is not timed: {error}", strategy.name()),
        }
    }
    let scratch = Scratch::new(context, spec, &sample).await?;
    timed(context, &mut candidates, &scratch).await?;
    let Some(best) = candidates.iter().min_by_key(|c| c.median()) else { return Ok(None) };
    let model = candidates.iter().find(|c| Some(&c.strategy) == strategies.first()).unwrap_or(best);
    let clearly = best.median().as_secs_f64() <= CLEARLY * model.median().as_secs_f64();
    Ok(Some(if clearly { best.strategy } else { model.strategy }))
}

/// Times the candidates in turns, until each has had its rounds or the time is over.
async fn timed(context: &Context, candidates: &mut [Candidate], scratch: &Scratch) -> Result<()> {
    let started = Instant::now();
    let mut repetitions = 1;
    let mut best = Duration::MAX;
    for (at, candidate) in candidates.iter_mut().enumerate() {
        if started.elapsed() > TIME {
            return Ok(());
        }
        // The first run of all may still compile, and brings the data near.
        run(context, &candidate.plan, scratch, 1).await?;
        if at == 0 {
            let once = run(context, &candidate.plan, scratch, 1).await?;
            let enough = RUN.as_nanos().div_ceil(once.as_nanos().max(1));
            repetitions = u32::try_from(enough).unwrap_or(REPETITIONS).clamp(1, REPETITIONS);
        }
        let time = run(context, &candidate.plan, scratch, repetitions).await?;
        candidate.times.push(time);
        best = best.min(time);
    }
    for _ in 1..ROUNDS {
        for candidate in candidates.iter_mut().filter(|c| c.median() <= best.saturating_mul(FAR_BEHIND)) {
            if started.elapsed() > TIME {
                return Ok(());
            }
            let time = run(context, &candidate.plan, scratch, repetitions).await?;
            candidate.times.push(time);
        }
    }
    Ok(())
}

/// How long so many runs take, from the first command to the answer.
async fn run(context: &Context, plan: &Plan, scratch: &Scratch, repetitions: u32) -> Result<Duration> {
    let started = Instant::now();
    let submission = guarded(context, "timing a plan", || {
        let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for _ in 0..repetitions {
            plan.encode(&mut encoder, &scratch.buffers())?;
        }
        encoder.copy_buffer_to_buffer(&scratch.loss, 0, &scratch.staging, 0, 4);
        Ok::<_, Error>(context.queue.submit([encoder.finish()]))
    })
    .await??;
    read(context, &scratch.staging, 4, submission, Wait::Here, |_| ()).await?;
    Ok(started.elapsed())
}

/// The layout that is timed: of large batches fewer rows, still enough to keep the device busy. `None` where these are
/// too large as well.
///
/// Where the gradient replaces the scores it is written beside them here: a second run would find no scores.
fn sample(layout: &Layout, size: Sample) -> Option<Layout> {
    let Shape { n, classes, inner } = layout.shape;
    let Sample { elements, rows, most } = size;
    let slab = layout.scores_step().max(layout.grad_step()).max(1);
    let fewer = (elements / slab).max(u64::div_ceil(rows, inner as u64)).max(1);
    let n = (n as u64).min(fewer);
    (n * slab <= most).then_some(Layout {
        shape: Shape { n: n as usize, classes, inner },
        in_place: false,
        grad_stride: Some(layout.grad_step() as usize),
        ..*layout
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Dtype;

    #[test]
    fn a_sample_is_the_batch_or_fewer_of_its_rows() {
        let rows = |n, classes, processor| {
            let size = match processor {
                true => Sample { elements: 1 << 20, rows: 64, most: 1 << 23 },
                false => Sample { elements: 1 << 22, rows: 256, most: 1 << 24 },
            };
            sample(&Layout::forward_backward(Shape::new(n, classes), Dtype::F32), size).map(|layout| layout.shape.n)
        };
        assert_eq!(rows(64, 10, true), Some(64));
        assert_eq!(rows(1 << 20, 1 << 10, true), Some(1 << 10));
        assert_eq!(rows(1 << 20, 1 << 10, false), Some(1 << 12));
        // Long rows: enough to keep all cores busy, if that is not too much.
        assert_eq!(rows(130, 100_000, true), Some(64));
        assert_eq!(rows(1000, 1_000_000, true), None);
        assert_eq!(rows(4, 1_000_000, true), Some(4));
    }
}
