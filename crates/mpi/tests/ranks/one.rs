//! A rank's device and buffers: all that the tests ask of gpu-loss's and wgpu's API.

use gpu_loss::batch::TargetForm;
use gpu_loss::layout::Upstream;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Reduction, Shape, SoftmaxCe, wgpu};
use gpu_loss_mpi::mpi;
use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;

use crate::batch::More;

/// Fills what nothing was written to.
pub(crate) const POISON: u8 = 0xcb;

/// MPI and a device. The fields are dropped in this order.
pub(crate) struct Rank {
    pub(crate) gpu: GpuLoss,
    pub(crate) world: SimpleCommunicator,
    _universe: Universe,
}

impl Rank {
    pub(crate) fn new() -> Self {
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled).expect("MPI");
        // The tests compare with the reference themselves.
        let gpu = GpuLoss::builder().self_test(false).open().expect("a device");
        Rank { gpu, world: universe.world(), _universe: universe }
    }

    /// A buffer of these bytes, and poison up to whole 16.
    pub(crate) fn upload(&self, bytes: &[u8]) -> wgpu::Buffer {
        upload(&self.gpu, bytes)
    }

    /// The bytes of a buffer.
    pub(crate) fn download(&self, buffer: &wgpu::Buffer) -> Vec<u8> {
        download(&self.gpu, buffer)
    }
}

pub(crate) fn upload(gpu: &GpuLoss, bytes: &[u8]) -> wgpu::Buffer {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(16).max(16), POISON);
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("a test's"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&buffer, 0, &bytes);
    buffer
}

pub(crate) fn download(gpu: &GpuLoss, buffer: &wgpu::Buffer) -> Vec<u8> {
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: buffer.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
    gpu.queue().submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |result| result.expect("mapped"));
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
    let bytes = staging.slice(..).get_mapped_range().expect("a range").to_vec();
    staging.unmap();
    bytes
}

/// A shard's buffers.
pub(crate) struct Arrays {
    pub(crate) scores: wgpu::Buffer,
    pub(crate) targets: wgpu::Buffer,
    pub(crate) indices: Option<wgpu::Buffer>,
    pub(crate) upstream: Option<wgpu::Buffer>,
    /// Absent in place.
    pub(crate) grad: Option<wgpu::Buffer>,
    /// Where it is asked for.
    pub(crate) grad_class_bias: Option<wgpu::Buffer>,
    pub(crate) entropy: Option<wgpu::Buffer>,
    pub(crate) entropy_upstream: bool,
    pub(crate) loss: wgpu::Buffer,
    pub(crate) losses: wgpu::Buffer,
    pub(crate) lse: wgpu::Buffer,
    pub(crate) argmax: wgpu::Buffer,
}

impl Arrays {
    pub(crate) fn forward(&self) -> Buffers<'_> {
        let outputs = self.inputs().loss(&self.loss).losses(&self.losses).lse(&self.lse).argmax(&self.argmax);
        outputs.entropy(self.entropy.as_ref())
    }

    pub(crate) fn backward(&self) -> Buffers<'_> {
        let at_entropy = self.upstream.as_ref().filter(|_| self.entropy_upstream);
        let inputs = self.inputs().upstream(self.upstream.as_ref()).entropy_upstream(at_entropy);
        inputs.grad(self.grad.as_ref()).grad_class_bias(self.grad_class_bias.as_ref())
    }

    fn inputs(&self) -> Buffers<'_> {
        Buffers::new(&self.scores, &self.targets).target_indices(self.indices.as_ref())
    }
}

/// What a test's layout is made of.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) shape: Shape,
    pub(crate) dtype: Dtype,
    pub(crate) targets: TargetForm,
    pub(crate) more: More,
    pub(crate) in_place: bool,
    pub(crate) denominator: bool,
}

/// The layout of a shard with all outputs.
pub(crate) fn layout(form: Form, loss: &SoftmaxCe, first: usize, all: usize) -> Layout {
    let mut layout = Layout::forward_backward(form.shape, form.dtype)
        .shard(first, all)
        .targets(form.targets)
        .with_losses()
        .with_lse()
        .with_argmax();
    (layout.outputs.entropy, layout.outputs.correct) = (form.more.entropy, form.more.correct(form.targets));
    (layout.outputs.grad_class_bias, layout.entropy_upstream) = (form.more.grad_class_bias, form.more.entropy_upstream);
    (layout.in_place, layout.denominator) = (form.in_place, form.denominator);
    layout.upstream(if loss.reduction == Reduction::None { Upstream::PerLoss } else { Upstream::One })
}

/// The simplest of layouts: classes, and the loss alone.
pub(crate) fn plain(n: usize, count: usize, first: usize, all: usize) -> Layout {
    Layout::forward_backward(Shape::new(n, count), Dtype::F32).shard(first, all)
}

/// The same with its denominator in a buffer.
pub(crate) fn with_denominator(layout: Layout) -> Layout {
    layout.denominator()
}
