//! A small batch through the one-call API, against an empty submission whose result is read back.

use std::time::{Duration, Instant};

use gpu_loss::{Batch, GpuLoss, reference, wgpu};
use ndarray::Array2;

use super::measure::median;
use super::memory::{mapped, reserve, staging};
use crate::failure::Failure;

/// Medians, in ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneCall {
    pub(crate) call_ms: f64,
    pub(crate) empty_ms: f64,
}

/// Measures both in turns.
pub(crate) fn one_call(gpu: &GpuLoss) -> Result<OneCall, Failure> {
    const ROUNDS: usize = 200;
    const WARM_UP: usize = 10;
    const TIME: Duration = Duration::from_secs(2);
    let logits = Array2::from_shape_fn((64, 10), |(n, j)| ((n * 7 + j * 3) % 11) as f32 * 0.3);
    let labels: Vec<i64> = (0..64).map(|n| n % 10).collect();
    let batch = Batch::new(logits.view(), &labels);
    let failed = |error: gpu_loss::Error| Failure::library(&error, None);
    let expected =
        reference::run(&gpu_loss::loss::Spec::plain(gpu_loss::loss::Kind::SoftmaxCe), &batch).map_err(failed)?;
    if !reference::compare(&gpu.softmax_ce(&batch).map_err(failed)?, &expected).kept() {
        return Err(Failure::check("a batch of 64 × 10 through the one-call API: outside the promised accuracy"));
    }
    let [result, back] = [reserve(gpu, "a result", 16)?, staging(gpu, 16)?];
    let (mut calls, mut empties) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for round in 0..ROUNDS + WARM_UP {
        if round > 2 * WARM_UP && start.elapsed() > TIME {
            break;
        }
        let begin = Instant::now();
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&result, 0, &back, 0, 16);
        gpu.queue().submit([encoder.finish()]);
        mapped(gpu, &back, 16)?;
        let empty = begin.elapsed();
        let begin = Instant::now();
        gpu.softmax_ce(&batch).map_err(failed)?;
        let call = begin.elapsed();
        if round >= WARM_UP {
            empties.push(empty.as_secs_f64() * 1e3);
            calls.push(call.as_secs_f64() * 1e3);
        }
    }
    calls.sort_by(f64::total_cmp);
    empties.sort_by(f64::total_cmp);
    Ok(OneCall { call_ms: median(&calls), empty_ms: median(&empties) })
}
