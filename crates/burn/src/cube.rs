//! The operations on Burn's GPU backend: gpu-loss's kernels over Burn's own buffers, submitted to the queue that both
//! share.
//!
//! Asking for a tensor's buffer makes Burn submit what it has recorded so far, and one queue's submissions run in order:
//! the kernels find the scores written, and what Burn records next finds the kernels' results. A buffer that is asked for
//! stays where it is until it is let go, which is after the submission.

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::WgpuResource;
use burn::tensor::{DType, FloatDType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::wgpu::{AutoCompiler, WgpuServer};
use cubecl_runtime::storage::ManagedResource;

use crate::device::gpu_of_cube;
use crate::error::Error;
use crate::op::{LossOps, Targets};
use crate::plan::{Form, Gpu, Half, Job, ROW_FLOATS, Range, Ranges};

impl LossOps for CubeBackend {
    fn loss_forward(
        scores: FloatTensor<Self>,
        targets: Targets<Self>,
        job: Job,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let like = scores.clone();
        guarded(&like, |gpu| forward(gpu, scores, targets, &job)).unwrap_or_else(|| {
            (nan(&like, Shape::new([job.losses()]), DType::F32), nan(&like, statistics_shape(&job), DType::F32))
        })
    }

    fn loss_backward(
        scores: FloatTensor<Self>,
        targets: Targets<Self>,
        statistics: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        job: Job,
    ) -> FloatTensor<Self> {
        // Not the scores themselves: as long as another handle lives, they cannot be overwritten.
        let like = statistics.clone();
        let (shape, dtype) = (scores.shape(), scores.dtype);
        guarded(&like, |gpu| backward(gpu, scores, targets, statistics, upstream, &job))
            .unwrap_or_else(|| nan(&like, shape, dtype))
    }
}

fn forward(
    gpu: &Gpu,
    scores: CubeTensor,
    targets: Targets<CubeBackend>,
    job: &Job,
) -> Result<(CubeTensor, CubeTensor), Error> {
    let scores = into_contiguous(scores);
    let targets = contiguous(targets);
    let plan = gpu.plan(job, scores.dtype, form(&targets), Half::Forward)?;
    let losses = empty(&scores, Shape::new([job.losses()]), DType::F32);
    let statistics = empty(&scores, statistics_shape(job), DType::F32);
    // Under no reduction the kernels write a sum as well.
    let sum = (job.losses() != 1 || job.spec.reduction == crate::plan::Reduce::None)
        .then(|| empty(&scores, Shape::new([1]), DType::F32));
    let held = Held::new(&scores)?;
    let held_targets = HeldTargets::new(&targets)?;
    let (held_losses, held_statistics) = (Held::new(&losses)?, Held::new(&statistics)?);
    let held_sum = sum.as_ref().map(Held::new).transpose()?;
    let ranges = Ranges {
        loss: Some(held_sum.as_ref().unwrap_or(&held_losses).range()),
        losses: held_sum.as_ref().map(|_| held_losses.range()),
        statistics: Some(held_statistics.range()),
        ..held_targets.ranges(&held)
    };
    gpu.submit(job, &plan, &ranges)?;
    Ok((losses, statistics))
}

fn backward(
    gpu: &Gpu,
    scores: CubeTensor,
    targets: Targets<CubeBackend>,
    statistics: CubeTensor,
    upstream: CubeTensor,
    job: &Job,
) -> Result<CubeTensor, Error> {
    let scores = into_contiguous(scores);
    let (targets, statistics, upstream) = (contiguous(targets), into_contiguous(statistics), into_contiguous(upstream));
    let in_place = scores.can_mut();
    let plan = gpu.plan(job, scores.dtype, form(&targets), Half::Backward { in_place })?;
    let grad = if in_place { scores.clone() } else { empty(&scores, scores.shape(), scores.dtype) };
    let (held, held_targets) = (Held::new(&scores)?, HeldTargets::new(&targets)?);
    let (held_statistics, held_upstream) = (Held::new(&statistics)?, Held::new(&upstream)?);
    let held_grad = if in_place { None } else { Some(Held::new(&grad)?) };
    // Nobody reads it: it was handed out forward.
    let loss = job.starts_anew().then(|| empty(&scores, Shape::new([1]), DType::F32));
    let held_loss = loss.as_ref().map(Held::new).transpose()?;
    let ranges = Ranges {
        statistics: Some(held_statistics.range()),
        upstream: Some(held_upstream.range()),
        grad: held_grad.as_ref().map(Held::range),
        loss: held_loss.as_ref().map(Held::range),
        ..held_targets.ranges(&held)
    };
    gpu.submit(job, &plan, &ranges)?;
    Ok(grad)
}

/// Runs this on the tensor's device; what fails is remembered there, for an operation cannot return it.
fn guarded<T>(like: &CubeTensor, run: impl FnOnce(&Gpu) -> Result<T, Error>) -> Option<T> {
    let Some(gpu) = gpu_of_cube(&like.device) else {
        // Only if a device was let go between a loss and its gradient.
        log::error!("gpu-loss-burn: {:?} is no longer shared; the gradient of its last loss is NaN", like.device);
        return None;
    };
    let refused =
        || Error::Device { message: "a graph is being captured, which the losses take no part in".to_owned() };
    let result = if like.client.is_capturing() { Err(refused()) } else { run(&gpu) };
    result.map_err(|error| gpu.failed(error)).ok()
}

fn nan(like: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    CubeBackend::float_full(shape, f32::NAN.into(), &like.device, FloatDType::from(dtype))
}

fn statistics_shape(job: &Job) -> Shape {
    Shape::new([job.statistics(), ROW_FLOATS])
}

/// A new tensor on the same device. Kernels write whole 16 bytes.
fn empty(like: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    let bytes = (shape.num_elements() * dtype.size()).next_multiple_of(16);
    let handle = like.client.empty(bytes);
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, dtype)
}

fn contiguous(targets: Targets<CubeBackend>) -> Targets<CubeBackend> {
    match targets {
        Targets::Classes(classes) => Targets::Classes(into_contiguous(classes)),
        Targets::Lists(offsets, indices) => Targets::Lists(into_contiguous(offsets), into_contiguous(indices)),
        Targets::MultiHot(bytes) => Targets::MultiHot(into_contiguous(bytes)),
        Targets::Probabilities(targets) => Targets::Probabilities(into_contiguous(targets)),
        Targets::Weighted(targets, weights) => Targets::Weighted(into_contiguous(targets), into_contiguous(weights)),
        Targets::Teacher(teacher) => Targets::Teacher(into_contiguous(teacher)),
    }
}

fn form(targets: &Targets<CubeBackend>) -> Form {
    match targets {
        Targets::Classes(classes) => Form::Classes(classes.dtype),
        Targets::Lists(offsets, indices) => Form::Lists(offsets.dtype, indices.dtype),
        Targets::MultiHot(_) => Form::MultiHot,
        Targets::Probabilities(_) => Form::Probabilities,
        Targets::Weighted(..) => Form::Weighted,
        Targets::Teacher(teacher) => Form::Teacher(teacher.dtype),
    }
}

/// A tensor's buffer, held in its place.
struct Held {
    resource: ManagedResource<WgpuResource>,
    /// Bytes of the tensor itself.
    bytes: u64,
}

impl Held {
    fn new(tensor: &CubeTensor) -> Result<Self, Error> {
        let resource = tensor
            .client
            .get_resource::<WgpuServer<AutoCompiler>>(tensor.handle.clone())
            .map_err(|error| Error::Device { message: error.to_string() })?;
        Ok(Held { resource, bytes: (tensor.shape().num_elements() * tensor.dtype.size()) as u64 })
    }

    fn range(&self) -> Range<'_> {
        let resource = self.resource.resource();
        // Burn's allocations are padded to more than 16 bytes.
        Range {
            buffer: &resource.buffer,
            offset: resource.offset,
            size: resource.size.max(self.bytes).next_multiple_of(16),
        }
    }

    /// To the byte, where a size says how many there are.
    fn exact(&self) -> Range<'_> {
        Range { size: self.bytes, ..self.range() }
    }
}

struct HeldTargets {
    targets: Held,
    indices: Option<Held>,
    weights: Option<Held>,
}

impl HeldTargets {
    fn new(targets: &Targets<CubeBackend>) -> Result<Self, Error> {
        let (targets, indices, weights) = match targets {
            Targets::Classes(targets)
            | Targets::MultiHot(targets)
            | Targets::Probabilities(targets)
            | Targets::Teacher(targets) => (targets, None, None),
            Targets::Lists(offsets, indices) => (offsets, Some(indices), None),
            Targets::Weighted(targets, weights) => (targets, None, Some(weights)),
        };
        Ok(HeldTargets {
            targets: Held::new(targets)?,
            indices: indices.map(Held::new).transpose()?,
            weights: weights.map(Held::new).transpose()?,
        })
    }

    /// What both halves read.
    fn ranges<'a>(&'a self, scores: &'a Held) -> Ranges<'a> {
        Ranges {
            scores: scores.range(),
            targets: self.targets.range(),
            indices: self.indices.as_ref().map(Held::exact),
            weights: self.weights.as_ref().map(Held::range),
            upstream: None,
            grad: None,
            loss: None,
            losses: None,
            statistics: None,
        }
    }
}
