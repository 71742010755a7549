//! A loss on Burn's tensors: fused where the device is shared, composed of Burn's own operations elsewhere.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Bool, DType, Int, Tensor};

use crate::composed;
use crate::device::gpu_of;
use crate::error::Error;
use crate::op::{LossOps, Targets};
use crate::plan::{Form, Gpu, Half, Job, Spec, is_of_classes, is_read};

/// Targets as they are given.
#[derive(Clone)]
pub(crate) enum Given {
    /// One label a row.
    Classes(Tensor<1, Int>),
    /// Offsets, one more than rows, and the classes of all rows.
    Lists(Tensor<1, Int>, Tensor<1, Int>),
    /// `[N, C, D]`.
    MultiHot(Tensor<3, Bool>),
    /// `[N, C, D]`.
    Probabilities(Tensor<3>),
    /// `[N, C, D]` both: probabilities, and a weight an element.
    Weighted(Tensor<3>, Tensor<3>),
    /// `[N, C, D]`, a teacher's scores.
    Teacher(Tensor<3>),
}

/// `[N, C, D]` of scores `[N, C, d…]`.
pub(crate) fn job<const D: usize>(spec: &Arc<Spec>, scores: &Tensor<D>) -> Result<Job, Error> {
    match scores.dims().as_slice() {
        // A batch of single elements.
        [n] if !spec.kind.per_row() => Ok(Job { spec: Arc::clone(spec), shape: [*n, 1, 1], part: false }),
        [n, classes, inner @ ..] if *classes > 0 => {
            Ok(Job { spec: Arc::clone(spec), shape: [*n, *classes, inner.iter().product()], part: false })
        }
        dims => {
            Err(Error::Shape {
                what: "scores", got: dims.to_vec(), expected: "[N, C, …] with a class at least".into()
            })
        }
    }
}

/// The loss, or under no reduction the losses one after another.
pub(crate) fn run<const D: usize>(spec: &Arc<Spec>, scores: Tensor<D>, given: Given) -> Result<Tensor<1>, Error> {
    let job = job(spec, &scores)?;
    job.spec.check(job.shape[1])?;
    let given = given.checked(&job)?;
    if job.unreduced() == 0 {
        return Ok(composed::of_nothing(spec, scores));
    }
    let Some(gpu) = gpu_of(&scores.device()) else {
        return Ok(composed::loss(&job, scores, given));
    };
    // What can fail does so here, where an error can be returned. A device that cannot serve is no reason to stop.
    if let Err(error) = prepare(&gpu, &job, scores.dtype(), given.form()) {
        log::warn!("gpu-loss-burn: {error}; Burn's own operations serve instead");
        return Ok(composed::loss(&job, scores, given));
    }
    let (loss, _) = <Dispatch as LossOps>::loss_forward(scores.into_dispatch(), given.into_targets(), job);
    Ok(Tensor::from_dispatch(loss))
}

/// Makes the forward plan.
fn prepare(gpu: &Gpu, job: &Job, dtype: DType, form: Form) -> Result<(), Error> {
    gpu.plan(job, dtype, form, Half::Forward).map(drop)
}

/// Makes all plans that a training step may need, both ways back among them.
pub(crate) fn warm_up(gpu: &Gpu, job: &Job, dtype: DType, form: Form) -> Result<(), Error> {
    for half in [Half::Backward { in_place: false }, Half::Backward { in_place: true }, Half::Forward] {
        gpu.plan(job, dtype, form, half)?;
    }
    Ok(())
}

impl Given {
    fn form(&self) -> Form {
        match self {
            Given::Classes(labels) => Form::Classes(labels.dtype()),
            Given::Lists(offsets, indices) => Form::Lists(offsets.dtype(), indices.dtype()),
            Given::MultiHot(_) => Form::MultiHot,
            Given::Probabilities(_) => Form::Probabilities,
            Given::Weighted(..) => Form::Weighted,
            Given::Teacher(teacher) => Form::Teacher(teacher.dtype()),
        }
    }

    /// Of the scores' shape, and of types that kernels read.
    fn checked(self, job: &Job) -> Result<Self, Error> {
        let rows = job.rows();
        suits(&job.spec, &self)?;
        let same = |what, got: &[usize], expected: &[usize]| {
            if got == expected {
                return Ok(());
            }
            Err(Error::Shape { what, got: got.to_vec(), expected: format!("{expected:?}") })
        };
        Ok(match self {
            Given::Classes(labels) => {
                same("targets", &labels.dims(), &[rows])?;
                Given::Classes(read(labels))
            }
            Given::Lists(offsets, indices) => {
                same("offsets", &offsets.dims(), &[rows + 1])?;
                Given::Lists(read(offsets), read(indices))
            }
            Given::MultiHot(targets) => {
                same("targets", &targets.dims(), &job.shape)?;
                Given::MultiHot(targets)
            }
            Given::Probabilities(targets) => {
                same("targets", &targets.dims(), &job.shape)?;
                Given::Probabilities(constant(targets))
            }
            Given::Weighted(targets, weights) => {
                same("targets", &targets.dims(), &job.shape)?;
                same("weights", &weights.dims(), &job.shape)?;
                Given::Weighted(constant(targets), constant(weights))
            }
            Given::Teacher(teacher) => {
                same("teacher", &teacher.dims(), &job.shape)?;
                Given::Teacher(teacher.detach())
            }
        })
    }

    fn into_targets(self) -> Targets<Dispatch> {
        match self {
            Given::Classes(labels) => Targets::Classes(labels.into_dispatch()),
            Given::Lists(offsets, indices) => Targets::Lists(offsets.into_dispatch(), indices.into_dispatch()),
            Given::MultiHot(targets) => Targets::MultiHot(bytes(targets).into_dispatch()),
            Given::Probabilities(targets) => Targets::Probabilities(targets.into_dispatch()),
            Given::Weighted(targets, weights) => Targets::Weighted(targets.into_dispatch(), weights.into_dispatch()),
            Given::Teacher(teacher) => Targets::Teacher(teacher.into_dispatch()),
        }
    }
}

/// Whether the loss has a meaning for these targets.
fn suits(spec: &Spec, given: &Given) -> Result<(), Error> {
    let unsupported = |got, expected| {
        Err(gpu_loss::Error::Unsupported { loss: spec.kind.name(), got: String::from(got), expected }.into())
    };
    match given {
        Given::Classes(_) => Ok(()),
        _ if is_of_classes(spec.kind) => unsupported("other targets", "classes as targets"),
        _ if spec.ignore_index.is_some() => {
            unsupported("a pad token or ignore_index with other targets", "them with classes only")
        }
        _ => Ok(()),
    }
}

/// The tensor in the shape `[N, C, D]` of the scores, if it has the scores' shape.
pub(crate) fn as_scores<const D: usize, K: burn::tensor::kind::Basic>(
    what: &'static str,
    tensor: Tensor<D, K>,
    scores: &Tensor<D>,
) -> Result<Tensor<3, K>, Error> {
    let [got, expected] = [tensor.dims(), scores.dims()];
    if got != expected {
        return Err(Error::Shape { what, got: got.to_vec(), expected: format!("{expected:?}") });
    }
    // One dimension: a batch of single elements.
    let classes = expected.get(1).copied().unwrap_or(1);
    Ok(tensor.reshape([expected[0], classes, expected.iter().skip(2).product()]))
}

/// One label a row: the scores' shape without its second dimension.
pub(crate) fn as_rows<const D: usize, const T: usize>(
    targets: Tensor<T, Int>,
    scores: &Tensor<D>,
) -> Result<Tensor<1, Int>, Error> {
    let rows: Vec<usize> = scores.dims().iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).collect();
    if targets.dims().as_slice() != rows {
        return Err(Error::Shape { what: "targets", got: targets.dims().to_vec(), expected: format!("{rows:?}") });
    }
    Ok(targets.reshape([rows.iter().product::<usize>()]))
}

/// A byte an element, four in an integer, as the kernels read them.
fn bytes(hot: Tensor<3, Bool>) -> Tensor<1, Int> {
    let device = hot.device();
    let count = hot.shape().num_elements();
    let words = count.div_ceil(4);
    let mut ones = hot.int().cast(DType::I32).reshape([count]);
    if words * 4 > count {
        ones = Tensor::cat(vec![ones, Tensor::zeros([words * 4 - count], (&device, DType::I32))], 0);
    }
    let places = Tensor::<1, Int>::from_data([1_i32, 1 << 8, 1 << 16, 1 << 24], (&device, DType::I32));
    (ones.reshape([words, 4]) * places.unsqueeze()).sum_dim(1).reshape([words])
}

/// Integers of a type that kernels read.
pub(crate) fn read(integers: Tensor<1, Int>) -> Tensor<1, Int> {
    if is_read(integers.dtype()) { integers } else { integers.cast(DType::I32) }
}

/// f32, and nothing that a gradient goes to.
fn constant(floats: Tensor<3>) -> Tensor<3> {
    floats.detach().cast(DType::F32)
}
