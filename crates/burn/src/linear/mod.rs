//! A linear layer and softmax cross-entropy in one, so that the logits of a whole batch never exist.
//!
//! Rows are taken in chunks whose logits fit a budget: Burn's own product makes them, and the loss kernels read them. Forward
//! keeps, beside hidden states, weights and labels, 32 bytes a row and the logits of the last chunk. Backward writes that
//! chunk's gradient over its logits and makes two products of it; then it makes the logits of the others anew, one chunk at a
//! time, and does the same.
//!
//! The gradients could be made in the forward pass instead, for an upstream gradient of 1, and be scaled backward, as Liger
//! does: three products a chunk for the four of all chunks but the last. Here the upstream gradient enters in f32 before
//! anything is rounded, so that a loss scale does for f16 what it is there for; one way serves every reduction, one upstream a
//! row included; frozen weights or hidden states cost no product, which a node of Burn's graph knows backward; a forward pass
//! without a backward one costs one product; and no gradient of the weights' size lies about in between. A batch whose logits
//! fit the budget is one chunk, the last, and takes the three products either way.

mod chunks;
mod op;

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{DType, Int, Tensor};

pub(crate) use self::op::{Bias, Given, LinearJob, forward, node};
use crate::CrossEntropyLoss;
use crate::composed;
use crate::device::gpu_of;
use crate::error::Error;
use crate::op::LossOps;
use crate::plan::{Form, Gpu, Half, Job, Kind, Reduce, Spec};
use crate::run::{self, read, run};
use chunks::Chunks;

/// Softmax cross-entropy of `hidden·weight + bias` against classes; the logits of the whole batch never exist.
///
/// Weights lie as those of [`Linear`](burn::nn::Linear), `[H, V]`; of an embedding that they are tied to, hand over the
/// transposed ones. The loss may have any option of [`CrossEntropyLossConfig`](crate::CrossEntropyLossConfig) but `logits:
/// false`; its `memory` says how many bytes of logits exist at once. On devices that are not shared it is Burn's own layer
/// and a composition of its operations.
///
/// ```no_run
/// use gpu_loss_burn::{CrossEntropyLossConfig, linear_cross_entropy};
/// # let (device, layer, hidden, targets): (burn::tensor::Device, burn::nn::Linear, burn::Tensor<3>,
/// #     burn::tensor::Tensor<2, burn::tensor::Int>) = todo!();
/// let loss = CrossEntropyLossConfig::new().with_memory(64 << 20).init(&device);
/// let bias = layer.bias.as_ref().map(|bias| bias.val());
/// let grads = linear_cross_entropy(hidden, layer.weight.val(), bias, targets, &loss)?.backward();
/// # Ok::<(), gpu_loss_burn::Error>(())
/// ```
///
/// # Shapes
/// - hidden: `[N, H]` or `[d…, H]`
/// - weight: `[H, V]`
/// - bias: `[V]`
/// - targets: `[N]` or `[d…]`
/// - the loss: `[1]`, whose [`BatchMean`](crate::Reduction::BatchMean) divides by the rows; with [`Reduction::None`](crate::Reduction::None) the losses of all rows one after another
///
/// # Errors
/// Shapes that do not go together, options of another loss. Labels that name no class are found on the device:
/// [`check`](crate::check()); the row that it names is counted within its chunk.
pub fn linear_cross_entropy<const D: usize, const T: usize>(
    hidden: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    targets: Tensor<T, Int>,
    loss: &CrossEntropyLoss,
) -> Result<Tensor<1>, Error> {
    let classes = weight.dims()[1];
    let rows = rows_of(&hidden, &weight, bias.as_ref(), &targets)?;
    let spec = loss.spec();
    if spec.kind != Kind::SoftmaxCe {
        let got = "the option logits: false".to_owned();
        return Err(gpu_loss::Error::Unsupported { loss: "linear_ce", got, expected: "a loss of logits" }.into());
    }
    spec.check(classes)?;
    if rows == 0 {
        return Ok(composed::of_nothing(spec, hidden));
    }
    let (hidden, labels) = (hidden.reshape([rows, weight.dims()[0]]), read(loss.padded(targets.reshape([rows]))));

    let gpu = gpu_of(&hidden.device()).filter(|_| classes > 0);
    let job = gpu.and_then(|gpu| {
        let chunks = Chunks::new(rows, classes * hidden.dtype().size(), loss.memory().min(gpu.binding_limit()));
        let job = LinearJob::new(spec, classes, chunks, loss.memory());
        match prepare(&gpu, &job, hidden.dtype(), labels.dtype()) {
            Ok(()) => Some(job),
            Err(error) => {
                log::warn!("gpu-loss-burn: {error}; Burn's own operations serve instead");
                None
            }
        }
    });
    let Some(job) = job else {
        let logits = hidden.matmul(weight);
        let logits = match bias {
            Some(bias) => logits + bias.unsqueeze::<2>(),
            None => logits,
        };
        return run(spec, logits, run::Given::Classes(labels));
    };
    let factor = factor(spec, &labels, rows, hidden.device());
    let bias: Bias<Dispatch> = bias.map_or(Bias::Absent, |bias| Bias::Of(bias.into_dispatch()));
    let loss = <Dispatch as LossOps>::linear_loss(
        hidden.into_dispatch(),
        weight.into_dispatch(),
        bias,
        labels.into_dispatch(),
        factor.into_dispatch(),
        job,
    );
    Ok(Tensor::from_dispatch(loss))
}

/// The rows that these make together, if their shapes go together.
fn rows_of<const D: usize, const T: usize>(
    hidden: &Tensor<D>,
    weight: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    targets: &Tensor<T, Int>,
) -> Result<usize, Error> {
    let [length, classes] = weight.dims();
    let shape = hidden.dims();
    let same = |what, got: &[usize], expected: &[usize]| {
        if got == expected {
            return Ok(());
        }
        Err(Error::Shape { what, got: got.to_vec(), expected: format!("{expected:?}") })
    };
    let (last, lines) = shape.split_last().map_or((0, [].as_slice()), |(last, lines)| (*last, lines));
    same("hidden (its last dimension)", &[last], &[length])?;
    same("targets", &targets.dims(), lines)?;
    if let Some(bias) = bias {
        same("bias", &bias.dims(), &[classes])?;
    }
    Ok(lines.iter().product())
}

/// Makes the plans of all chunks, here, where an error can be returned.
fn prepare(gpu: &Gpu, job: &LinearJob, dtype: DType, labels: DType) -> Result<(), Error> {
    job.jobs().iter().try_for_each(|job: &Job| gpu.plan(job, dtype, Form::Classes(labels), Half::Forward).map(drop))
}

/// What the sum of all losses is multiplied by, `[1]`: known on the host, or counted over the labels of the whole batch.
fn factor(spec: &Arc<Spec>, labels: &Tensor<1, Int>, rows: usize, device: burn::tensor::Device) -> Tensor<1> {
    let known = |factor: f32| Tensor::<1>::from_floats([factor], &device);
    let mean_of_rows = spec.ignore_index.is_none() && spec.class_weights.is_none();
    match (spec.reduction, spec.denominator) {
        (Reduce::None | Reduce::Sum, _) => return known(1.0),
        (Reduce::Mean, Some(given)) => return known(1.0 / given),
        (Reduce::Mean, None) if !mean_of_rows => {}
        // The mean of all rows; and the batch's, whose first dimension is the rows here.
        _ => return known(1.0 / rows as f32),
    }
    let ignored = spec.ignore_index.map(|ignored| labels.clone().equal_scalar(ignored));
    let counted = match &spec.class_weights {
        Some(weights) => {
            // Within bounds: an ignored label is none of the classes, and one that names no class makes the loss NaN anyway.
            let classes = labels.clone().clamp(0, weights.len() as i64 - 1);
            Tensor::<1>::from_floats(weights.as_slice(), &device).select(0, classes)
        }
        None => Tensor::ones([rows], &device),
    };
    let counted = match ignored {
        Some(ignored) => counted.mask_fill(ignored, 0),
        None => counted,
    };
    let sum = counted.sum();
    let empty = sum.clone().lower_equal_scalar(0);
    // An empty mean is NaN; its rows' gradients are 0 whatever arrives.
    sum.recip().mask_fill(empty, f32::NAN)
}
