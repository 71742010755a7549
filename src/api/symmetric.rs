//! Symmetric InfoNCE on host arrays: along the rows and down the columns, half and half.

use ndarray::{Array, ArrayD, Dimension};

use super::GpuLoss;
use crate::batch::check::check_shapes;
use crate::batch::symmetric::Halves;
use crate::batch::{Batch, Dtype, Element, Output, bf16, f16};
use crate::device::Wait;
use crate::error::{Error, Result};
use crate::loss::{Kind, Spec};

impl GpuLoss {
    /// Any batch.
    pub(super) async fn run_waiting<T: Element, D: Dimension>(
        &self,
        spec: &Spec,
        batch: &Batch<'_, T, D>,
        wait: Wait,
    ) -> Result<Output<T, D>> {
        if spec.symmetric && spec.kind == Kind::InfoNce {
            check_shapes(spec, batch)?;
            return self.run_symmetric(spec, batch, wait).await;
        }
        self.run_plain(spec, batch, wait).await
    }

    /// Both halves, each by the plan that serves it, in f32: the gradient is rounded once, when they are added.
    async fn run_symmetric<T: Element, D: Dimension>(
        &self,
        spec: &Spec,
        batch: &Batch<'_, T, D>,
        wait: Wait,
    ) -> Result<Output<T, D>> {
        let halves = Halves::of(spec, batch)?;
        let plain = Spec { symmetric: false, ..spec.clone() };
        let mut along = Batch::new(&halves.rows, &halves.positives);
        along.outputs = batch.outputs;
        let mut down = Batch::new(&halves.columns, &halves.positives);
        (down.outputs.grad, down.outputs.losses) = (batch.outputs.grad, batch.outputs.losses);
        let rows = Box::pin(self.run_plain(&plain, &along, wait)).await?;
        let columns = Box::pin(self.run_plain(&plain, &down, wait)).await?;
        let middle = |a: f32, b: f32| 0.5 * a + 0.5 * b;
        let grad = match rows.grad.zip(columns.grad) {
            Some((along, down)) => {
                let grad = Halves::joined(along, &down, middle, |a| 0.5 * a).mapv(rounded::<T>);
                Some(shaped(grad, batch.scores.shape())?)
            }
            None => None,
        };
        let losses = rows.losses.zip(columns.losses).map(|(a, b)| 0.5 * a + 0.5 * b);
        Ok(Output {
            loss: middle(rows.loss, columns.loss),
            grad,
            losses,
            lse: rows.lse,
            argmax: rows.argmax,
            correct: rows.correct,
            log_prob: rows.log_prob,
            entropy: rows.entropy,
            rank: rows.rank,
            grad_class_bias: None,
        })
    }
}

/// A number in the type of the scores.
fn rounded<T: Element>(value: f32) -> T {
    match T::DTYPE {
        Dtype::F32 => bytemuck::pod_read_unaligned(bytemuck::bytes_of(&value)),
        Dtype::F16 => bytemuck::pod_read_unaligned(bytemuck::bytes_of(&f16::from_f32(value))),
        Dtype::Bf16 => bytemuck::pod_read_unaligned(bytemuck::bytes_of(&bf16::from_f32(value))),
    }
}

/// With the dimensions' type of the scores, which these had.
fn shaped<T, D: Dimension>(grad: ArrayD<T>, expected: &[usize]) -> Result<Array<T, D>> {
    let got = grad.shape().to_vec();
    grad.into_dimensionality().map_err(|_| Error::Shape { what: "grad", got, expected: expected.to_vec() })
}
