//! *How* a loss is computed, for one shape on one device: kernels chosen and built, rows cut into chunks, scratch
//! reserved. All that can fail or be slow happens when a plan is made.

mod binding;
mod buffers;
mod build;
mod check;
#[cfg(any(test, feature = "export"))]
pub(crate) mod describe;
mod encode;
mod host_finish;
mod read;
mod resolve;
mod sizes;
mod status;
mod traffic;

use std::sync::{Arc, Mutex, OnceLock};

pub use binding::Binding;
pub use buffers::Buffers;
pub use sizes::{Access, BufferSize};
pub use status::STATUS_BYTES;
pub use traffic::Traffic;

pub use crate::schedule::Strategy;

pub(crate) use binding::{Region, setters};

pub(crate) use build::{build, build_suiting};
pub(crate) use host_finish::{HostFinish, Scales, scaled_sum, sum};
pub(crate) use read::values;
pub(crate) use resolve::{problem, usable};
pub(crate) use status::Status;

use crate::device::{Context, Kernel};
use crate::kernel::{ByteRange, Slot};
use crate::layout::Layout;
use crate::loss::Spec;

/// A loss made ready for scores of one shape and type on one device.
///
/// [`encode`](Self::encode) records it into the caller's encoder, over the caller's buffers: no readback, no submit, no
/// waiting, nothing compiled, and nothing allocated but, at the first sight of a set of buffers, the bind groups that
/// name them. Plans are `Send + Sync`; one plan may be encoded and submitted from several threads, as long as each encoder
/// is submitted whole.
///
/// ```no_run
/// use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};
///
/// let gpu = GpuLoss::new()?; // or GpuLoss::from_device(&adapter, device, queue)
/// let layout = Layout::forward_backward(Shape::new(256, 1000), Dtype::F32);
/// let plan = gpu.plan(&SoftmaxCe::default().label_smoothing(0.1), &layout)?;
///
/// // Your buffers; scores and labels (i64 unless the layout says otherwise) come from earlier kernels.
/// let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
/// let buffer = |name: &str| {
///     let size = plan.buffer_sizes().iter().find(|size| size.name == name).map_or(0, |size| size.bytes);
///     gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
/// };
/// let (scores, labels) = (buffer("scores"), buffer("targets"));
/// let (grad, loss) = (buffer("grad"), buffer("loss"));
///
/// let mut encoder = gpu.device().create_command_encoder(&Default::default());
/// plan.encode(&mut encoder, &Buffers::new(&scores, &labels).grad(&grad).loss(&loss))?;
/// gpu.queue().submit([encoder.finish()]);
///
/// // Now and then, off the hot path: the loss, or that some label meant nothing.
/// println!("{}", plan.read_loss(&loss)?);
/// # Ok::<(), gpu_loss::Error>(())
/// ```
#[derive(Debug)]
pub struct Plan {
    context: Arc<Context>,
    spec: Spec,
    layout: Layout,
    strategy: Strategy,
    steps: Vec<Step>,
    own: PlanBuffers,
    host_finish: Option<HostFinish>,
    traffic: Vec<Traffic>,
    bound: Mutex<encode::BoundSets>,
    /// Held while a batch is submitted: the scales that the host wrote last, if nothing else was written since.
    turn: Mutex<Option<Scales>>,
}

/// The two halves of a training step, made together by [`GpuLoss::plan_pair`](crate::GpuLoss::plan_pair): their options are
/// the same, as they must be for the gradient to be that of the loss.
///
/// Between them lie the row statistics, [`STATISTICS_BYTES`](crate::layout::STATISTICS_BYTES) a row, which the forward plan writes and the backward plan
/// reads. Losses of single elements have none: their gradient is made from the scores.
///
/// ```no_run
/// use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};
///
/// # fn example(buffer: impl Fn(u64) -> wgpu::Buffer) -> gpu_loss::Result<()> {
/// let gpu = GpuLoss::new()?;
/// let loss = SoftmaxCe::default().label_smoothing(0.1);
/// let pair = gpu.plan_pair(&loss, &Layout::forward_backward(Shape::new(256, 1000), Dtype::F32))?;
/// let (scores, grad, labels) = (buffer(256 * 1000 * 4), buffer(256 * 1000 * 4), buffer(256 * 8));
/// let (loss, statistics) = (buffer(4), buffer(256 * gpu_loss::layout::STATISTICS_BYTES));
///
/// let inputs = Buffers::new(&scores, &labels).statistics(&statistics);
/// let mut encoder = gpu.device().create_command_encoder(&Default::default());
/// pair.forward.encode(&mut encoder, &inputs.loss(&loss))?;
/// pair.backward.encode(&mut encoder, &inputs.grad(&grad))?; // or much later
/// gpu.queue().submit([encoder.finish()]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct PlanPair {
    /// Losses, and row statistics.
    pub forward: Plan,
    /// The gradient.
    pub backward: Plan,
}

/// One dispatch.
#[derive(Debug)]
struct Step {
    kernel: Arc<Kernel>,
    label: String,
    bindings: Vec<(u32, Slot, ByteRange)>,
    /// Where its parameters lie, in bytes.
    params_at: u64,
    groups: (u32, u32),
    /// Elements that it takes: a measure of its time.
    elements: u64,
}

/// The plan's own buffers.
#[derive(Debug)]
struct PlanBuffers {
    params: wgpu::Buffer,
    class_weights: Option<wgpu::Buffer>,
    class_bias: Option<wgpu::Buffer>,
    /// For all that one submission takes whole.
    work: Scratch,
    /// For what [`Plan::submit`] submits in pieces: other submissions may come in between, recorded then or long before.
    apart: OnceLock<Scratch>,
}

/// The plan's own buffers that a run writes.
#[derive(Debug)]
struct Scratch {
    scales: wgpu::Buffer,
    status: wgpu::Buffer,
    losses: wgpu::Buffer,
    scratch: wgpu::Buffer,
    sums: wgpu::Buffer,
    /// Records of splits of rows, and of whole rows between two passes; of single elements' rows whether their lists are bad.
    splits: wgpu::Buffer,
    row_statistics: wgpu::Buffer,
    /// What splits of rows know of true classes.
    true_parts: wgpu::Buffer,
    /// The gradient's sums over blocks of rows, class by class.
    class_sums: wgpu::Buffer,
}

impl Scratch {
    fn all(&self) -> [&wgpu::Buffer; 9] {
        let Scratch { scales, status, losses, scratch, sums, splits, row_statistics, true_parts, class_sums } = self;
        [scales, status, losses, scratch, sums, splits, row_statistics, true_parts, class_sums]
    }

    /// Another of the same sizes.
    fn another(&self, device: &wgpu::Device) -> Scratch {
        let like = |buffer: &wgpu::Buffer| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("gpu-loss scratch apart"),
                size: buffer.size(),
                usage: buffer.usage(),
                mapped_at_creation: false,
            })
        };
        let [scales, status, losses, scratch, sums, splits, row_statistics, true_parts, class_sums] =
            self.all().map(like);
        Scratch { scales, status, losses, scratch, sums, splits, row_statistics, true_parts, class_sums }
    }
}

impl Plan {
    /// Who takes a row.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// The loss that is computed.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What the plan was made for.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Bytes of the plan's own device buffers: parameters and scratch, O(N). The first [`submit`](Self::submit) of a batch
    /// that takes several submissions adds scratch of its own.
    #[must_use]
    pub fn scratch_bytes(&self) -> u64 {
        let PlanBuffers { params, class_weights, class_bias, work, apart } = &self.own;
        let scratch = std::iter::once(work).chain(apart.get()).flat_map(Scratch::all);
        scratch.chain([params]).chain(class_weights).chain(class_bias).map(wgpu::Buffer::size).sum()
    }
}
