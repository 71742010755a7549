//! One case on one adapter.

use super::case::{Case, Strategies};
use super::data::{Data, Rounded};
use crate::GpuLoss;
use crate::batch::{Dtype, Shape, bf16, f16};
use crate::error::Result;
use crate::plan::Strategy;
use crate::reference::{self, Difference};

/// What came of a case with one strategy.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The strategy that took the rows.
    pub strategy: Strategy,
    /// How far the outputs are from the reference.
    pub difference: Difference,
}

/// Runs a case with the strategies that can serve it there (all, or one in the quick scope), and compares each result
/// with the reference.
///
/// # Errors
/// The library's refusal of the batch, or a fault of the device.
pub async fn check(gpu: &GpuLoss, case: &Case) -> Result<Vec<Verdict>> {
    match case.dtype {
        Dtype::F32 => check_typed::<f32>(gpu, case).await,
        Dtype::F16 => check_typed::<f16>(gpu, case).await,
        Dtype::Bf16 => check_typed::<bf16>(gpu, case).await,
    }
}

async fn check_typed<T: Rounded>(gpu: &GpuLoss, case: &Case) -> Result<Vec<Verdict>> {
    let spec = case.spec();
    let data = Data::<T>::new(case);
    let batch = data.batch(case);
    let expected = reference::run(&spec, &batch)?;
    let shape = Shape::of(&case.dims).unwrap_or(Shape::new(0, 1));
    let serving = gpu.strategies(case.kind, shape);
    let strategies: &[Strategy] = match case.strategies {
        Strategies::One(turn) if !serving.is_empty() => std::slice::from_ref(&serving[turn % serving.len()]),
        _ => &serving,
    };
    let mut verdicts = Vec::with_capacity(strategies.len());
    for strategy in strategies {
        let output = gpu.with_strategy(*strategy).run_async(&spec, &batch).await?;
        verdicts.push(Verdict { strategy: *strategy, difference: reference::compare(&output, &expected) });
    }
    Ok(verdicts)
}
