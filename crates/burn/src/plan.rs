//! All that this crate asks of gpu-loss: plans for Burn's shapes, kept and encoded. No other module names its API,
//! beyond the options ([`Spec`]) and the errors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::DType;
pub(crate) use gpu_loss::Reduction as Reduce;
use gpu_loss::batch::TargetForm;
use gpu_loss::layout::{IntegerType, Upstream};
pub(crate) use gpu_loss::loss::{Divergence, EmptyMean, Kind, Spec};
use gpu_loss::plan::STATUS_BYTES;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Shape};

use crate::error::Error;

/// Plans that a device keeps: each loss of a model has two or three (forward; backward, in place or not) for each of
/// its shapes. Where every batch has another shape, the oldest go.
const PLANS: usize = 32;
/// Plans that keep hold of the buffers they ran over last. Those of a training step come round every time; any other
/// would keep memory from Burn that Burn has done with.
const BOUND: usize = 4;

/// Bytes of what the forward half keeps of a row.
pub(crate) const ROW_FLOATS: usize = gpu_loss::layout::STATISTICS_BYTES as usize / 4;

/// What is computed: a loss with its options, and the shape of the scores.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) spec: Arc<Spec>,
    /// `[N, C, D]`, the dimensions behind the classes multiplied out.
    pub(crate) shape: [usize; 3],
    /// Whether these are some of the rows of a batch.
    pub(crate) part: bool,
}

impl Job {
    pub(crate) fn rows(&self) -> usize {
        self.shape[0] * self.shape[2]
    }

    /// Losses before reduction: one a row, or one an element.
    pub(crate) fn unreduced(&self) -> usize {
        if self.spec.kind.per_row() { self.rows() } else { self.shape.iter().product() }
    }

    /// Losses that come out.
    pub(crate) fn losses(&self) -> usize {
        if self.spec.reduction == Reduce::None { self.unreduced() } else { 1 }
    }

    /// Rows of statistics: losses that keep nothing have one row that nobody reads.
    pub(crate) fn statistics(&self) -> usize {
        if self.spec.kind.has_statistics() { self.rows() } else { 1 }
    }

    /// Whether the backward half makes the losses again: rows without statistics to keep.
    pub(crate) fn starts_anew(&self) -> bool {
        self.spec.kind.per_row() && !self.spec.kind.has_statistics()
    }
}

/// How the targets lie on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Classes(DType),
    Lists(DType, DType),
    MultiHot,
    Probabilities,
    /// Probabilities, and an f32 weight an element.
    Weighted,
    /// A teacher's scores.
    Teacher(DType),
}

/// Which half of a training step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Forward,
    Backward { in_place: bool },
}

/// A range of a buffer.
#[derive(Clone, Copy)]
pub(crate) struct Range<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl<'a> From<Range<'a>> for wgpu::BufferBinding<'a> {
    fn from(range: Range<'a>) -> Self {
        wgpu::BufferBinding { buffer: range.buffer, offset: range.offset, size: wgpu::BufferSize::new(range.size) }
    }
}

/// The buffers of one call; a half takes those that it needs.
pub(crate) struct Ranges<'a> {
    pub(crate) scores: Range<'a>,
    pub(crate) targets: Range<'a>,
    /// List indices.
    pub(crate) indices: Option<Range<'a>>,
    pub(crate) weights: Option<Range<'a>>,
    /// Read backward.
    pub(crate) upstream: Option<Range<'a>>,
    /// Written backward, unless in place.
    pub(crate) grad: Option<Range<'a>>,
    /// Written forward, and where the backward half makes it again: the reduced loss (under no reduction their sum).
    pub(crate) loss: Option<Range<'a>>,
    /// Written forward under no reduction.
    pub(crate) losses: Option<Range<'a>>,
    /// Written forward, read backward.
    pub(crate) statistics: Option<Range<'a>>,
}

/// A device that the losses share with Burn.
pub(crate) struct Gpu {
    gpu: GpuLoss,
    /// The plan used last comes first.
    plans: Mutex<Vec<Kept>>,
    /// What every plan counts problems in, so that none is forgotten with its plan.
    status: wgpu::Buffer,
    /// The first failure of an operation, which could not return it.
    failure: Mutex<Option<Error>>,
    /// Whether rows were counted within parts of a batch since the last check.
    parts: AtomicBool,
}

struct Kept {
    spec: Arc<Spec>,
    layout: Layout,
    plan: Arc<Plan>,
}

impl Gpu {
    pub(crate) fn new(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<Self, Error> {
        let status = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu-loss-burn status"),
            size: STATUS_BYTES.next_multiple_of(16),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let gpu = GpuLoss::from_device(adapter, device, queue)?;
        Ok(Gpu { gpu, plans: Mutex::default(), status, failure: Mutex::default(), parts: AtomicBool::new(false) })
    }

    /// The most bytes that one binding may have.
    pub(crate) fn binding_limit(&self) -> u64 {
        self.gpu.device().limits().max_storage_buffer_binding_size
    }

    /// The plan for this, made or remembered.
    pub(crate) fn plan(&self, job: &Job, dtype: DType, form: Form, half: Half) -> Result<Arc<Plan>, Error> {
        let layout = layout(job, dtype, form, half)?;
        let same = |kept: &Kept| kept.layout == layout && (Arc::ptr_eq(&kept.spec, &job.spec) || kept.spec == job.spec);
        let mut plans = lock(&self.plans);
        if let Some(at) = plans.iter().position(same) {
            plans[..=at].rotate_right(1);
        } else {
            // Made under the lock: two threads that begin with the same loss would both test and build its kernels.
            let plan = Arc::new(self.gpu.plan(&*job.spec, &layout)?);
            plans.truncate(PLANS - 1);
            plans.insert(0, Kept { spec: Arc::clone(&job.spec), layout, plan });
        }
        if let Some(kept) = plans.get(BOUND) {
            kept.plan.forget_buffers();
        }
        Ok(Arc::clone(&plans[0].plan))
    }

    /// Submits a plan's work over these buffers.
    pub(crate) fn submit<'a>(&'a self, job: &Job, plan: &Plan, ranges: &Ranges<'a>) -> Result<(), Error> {
        self.parts.fetch_or(job.part, Ordering::Relaxed);
        let binding = |range: Option<Range<'a>>| range.map(wgpu::BufferBinding::from);
        let statistics = ranges.statistics.filter(|_| plan.spec().kind.has_statistics());
        let buffers = Buffers::new(wgpu::BufferBinding::from(ranges.scores), wgpu::BufferBinding::from(ranges.targets))
            .target_indices(binding(ranges.indices))
            .element_weights(binding(ranges.weights))
            .upstream(binding(ranges.upstream))
            .grad(binding(ranges.grad))
            .loss(binding(ranges.loss))
            .losses(binding(ranges.losses))
            .statistics(binding(statistics));
        // The forward half has counted what the backward half, where an upstream gradient arrives, finds once more.
        let buffers = if ranges.upstream.is_none() { buffers.status(&self.status) } else { buffers };
        let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        plan.encode(&mut encoder, &buffers)?;
        self.gpu.queue().submit([encoder.finish()]);
        Ok(())
    }

    /// Remembers that an operation failed, for [`check`](Self::check).
    pub(crate) fn failed(&self, error: Error) {
        log::error!("gpu-loss-burn: {error}; the loss of this step is NaN");
        lock(&self.failure).get_or_insert(error);
    }

    /// What went wrong since the last call, all submitted work waited for.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(error) = lock(&self.failure).take() {
            return Err(error);
        }
        let [bad, before_bad, outside, before_outside] = self.counts()?;
        let parts = self.parts.swap(false, Ordering::Relaxed);
        // Rows are stored as 2³²−1 less their number.
        if bad > 0 {
            return Err(Error::Targets { row: !before_bad, count: bad, of_chunk: parts });
        }
        if outside > 0 {
            return Err(Error::Probabilities { row: !before_outside, count: outside });
        }
        Ok(())
    }

    /// The status as the kernels left it (`Status` of gpu-loss's `shaders/io/status.wgsl`), which begins anew.
    fn counts(&self) -> Result<[u32; 4], Error> {
        let (device, size) = (self.gpu.device(), self.status.size());
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu-loss-burn status staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&self.status, 0, &staging, 0, size);
        encoder.clear_buffer(&self.status, 0, None);
        self.gpu.queue().submit([encoder.finish()]);
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |mapped| {
            let _ = sender.send(mapped);
        });
        let fault = |message: String| Error::Device { message };
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| fault(e.to_string()))?;
        receiver.recv().map_err(|e| fault(e.to_string()))?.map_err(|e| fault(e.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|e| fault(e.to_string()))?;
        let mut counts = [0; 4];
        for (count, bytes) in counts.iter_mut().zip(view.chunks_exact(4)) {
            *count = bytes.try_into().map_or(0, u32::from_le_bytes);
        }
        Ok(counts)
    }
}

/// What a plan is made for.
fn layout(job: &Job, dtype: DType, form: Form, half: Half) -> Result<Layout, Error> {
    let [n, classes, inner] = job.shape;
    let dtype = floats(dtype)?;
    let shape = Shape::spatial(n, classes, inner);
    let each = job.spec.reduction == Reduce::None;
    let layout = match half {
        Half::Forward => {
            let layout = Layout::forward(shape, dtype);
            let layout = if each { layout.with_losses() } else { layout };
            if job.spec.kind.has_statistics() { layout.with_statistics() } else { layout }
        }
        Half::Backward { in_place } => {
            let upstream = if each { Upstream::PerLoss } else { Upstream::Scalar };
            let layout = match job.starts_anew() {
                true => Layout::forward_backward(shape, dtype),
                false => Layout::backward(shape, dtype),
            };
            let layout = layout.upstream(upstream);
            if in_place { layout.in_place() } else { layout }
        }
    };
    Ok(match form {
        Form::Classes(labels) => layout.integers(integers(labels)?),
        Form::Lists(offsets, indices) => layout
            .targets(TargetForm::Lists)
            .integers(integers(offsets)?)
            .indices(integers(indices)?)
            .longest_list(classes),
        Form::MultiHot => layout.targets(TargetForm::MultiHot),
        Form::Probabilities => layout.targets(TargetForm::Probabilities),
        Form::Weighted => layout.targets(TargetForm::Probabilities).element_weights(),
        Form::Teacher(teacher) => layout.teacher(floats(teacher)?),
    })
}

fn floats(dtype: DType) -> Result<Dtype, Error> {
    match dtype {
        // Burn stores "flex" as f32.
        DType::F32 | DType::Flex32 => Ok(Dtype::F32),
        DType::F16 => Ok(Dtype::F16),
        DType::BF16 => Ok(Dtype::Bf16),
        other => Err(Error::ScoresType { got: other }),
    }
}

/// Whether the loss has a meaning for classes alone.
pub(crate) fn is_of_classes(kind: Kind) -> bool {
    kind.targets() == [TargetForm::Classes]
}

/// The integer types that kernels read.
pub(crate) fn is_read(dtype: DType) -> bool {
    matches!(dtype, DType::I32 | DType::I64 | DType::U32)
}

fn integers(dtype: DType) -> Result<IntegerType, Error> {
    match dtype {
        DType::I32 => Ok(IntegerType::I32),
        DType::I64 => Ok(IntegerType::I64),
        DType::U32 => Ok(IntegerType::U32),
        other => Err(Error::LabelsType { got: other }),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
