//! Plans over device buffers: what a training step brings and takes.

use gpu_loss::layout::Upstream;
use gpu_loss::linear::{LinearBuffers, LinearCe, LinearLayout, LinearPlan};
use gpu_loss::reference::run_linear;
use gpu_loss::{Dtype, Error, GpuLoss, SoftmaxCe, wgpu};

use super::common::{Arrays, Random, loss_limit, near, product_limit};
use super::parts::each::on_every_adapter;

const DIMS: (usize, usize, usize) = (21, 12, 70);

/// Device buffers by name, results poisoned.
struct Device<'a> {
    gpu: &'a GpuLoss,
    hidden: wgpu::Buffer,
    weight: wgpu::Buffer,
    targets: wgpu::Buffer,
    grad_hidden: wgpu::Buffer,
    grad_weight: wgpu::Buffer,
    loss: wgpu::Buffer,
    losses: wgpu::Buffer,
}

fn buffer(gpu: &GpuLoss, bytes: &[u8]) -> wgpu::Buffer {
    let made = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: (bytes.len() as u64).next_multiple_of(16),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&made, 0, bytes);
    made
}

impl<'a> Device<'a> {
    fn new(gpu: &'a GpuLoss, arrays: &Arrays<f32>) -> Self {
        let poison = |elements: usize| buffer(gpu, &vec![0xcb; elements * 4]);
        let bytes = |array: &ndarray::Array2<f32>| buffer(gpu, bytemuck::cast_slice(array.as_slice().expect("whole")));
        Device {
            gpu,
            hidden: bytes(&arrays.hidden),
            weight: bytes(&arrays.weight),
            targets: buffer(gpu, bytemuck::cast_slice(&arrays.labels)),
            grad_hidden: poison(arrays.hidden.len()),
            grad_weight: poison(arrays.weight.len()),
            loss: poison(4),
            losses: poison(arrays.labels.len()),
        }
    }

    fn buffers(&self) -> LinearBuffers<'_> {
        LinearBuffers::new(&self.hidden, &self.weight, &self.targets)
            .grad_hidden(&self.grad_hidden)
            .grad_weight(&self.grad_weight)
            .loss(&self.loss)
            .losses(&self.losses)
    }

    fn run(&self, plan: &LinearPlan, buffers: &LinearBuffers<'_>) {
        let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        plan.encode(&mut encoder, buffers).expect("encodes");
        self.gpu.queue().submit([encoder.finish()]);
    }

    fn read(&self, from: &wgpu::Buffer) -> Vec<f32> {
        let (device, queue) = (self.gpu.device(), self.gpu.queue());
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: from.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(from, 0, &staging, 0, from.size());
        queue.submit([encoder.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |result| result.expect("mapped"));
        device.poll(wgpu::PollType::Wait { submission_index: None, timeout: None }).expect("waits");
        bytemuck::pod_collect_to_vec(&staging.slice(..).get_mapped_range().expect("mapped"))
    }

    /// As many values as are wanted, against the reference times a factor.
    fn held<'w>(&self, what: &str, from: &wgpu::Buffer, want: impl Iterator<Item = &'w f64>, factor: f64) {
        let want: Vec<f64> = want.map(|v| v * factor).collect();
        let got = self.read(from);
        near(what, got[..want.len()].iter().map(|v| f64::from(*v)), &want, product_limit(&want, 5e-5));
    }
}

fn loss() -> LinearCe {
    // Eight rows at once.
    LinearCe::from(SoftmaxCe::default().ignore_index(-100)).memory(8 * 72 * 4)
}

fn layout() -> LinearLayout {
    LinearLayout::new(DIMS.0, DIMS.1, DIMS.2, Dtype::F32)
}

#[test]
fn gradients_are_written_and_then_accumulated() {
    on_every_adapter(|gpu| {
        let arrays = Arrays::<f32>::new(&mut Random(11), DIMS, true, |v| v);
        let want = run_linear(&loss(), &arrays.batch()).expect("a batch with a meaning");
        let device = Device::new(gpu, &arrays);
        let first = gpu.plan_linear(&loss(), &layout()).expect("a plan");
        assert_eq!(first.chunk_rows(), 7);
        let more = gpu.plan_linear(&loss(), &layout().accumulate(true)).expect("a plan");
        device.run(&first, &device.buffers());
        for times in [1.0, 2.0, 3.0] {
            device.held("grad_hidden", &device.grad_hidden, want.grad_hidden.iter(), 1.0);
            device.held("grad_weight", &device.grad_weight, want.grad_weight.iter(), times);
            let got = f64::from(device.read(&device.loss)[0]);
            near("loss", [got], [&want.loss], loss_limit);
            device.run(&more, &device.buffers());
        }
        assert_eq!(first.read_status().expect("no bad label"), 0);
    });
}

#[test]
fn a_denominator_and_a_gradient_arrive_in_buffers() {
    on_every_adapter(|gpu| {
        let arrays = Arrays::<f32>::new(&mut Random(12), DIMS, true, |v| v);
        let mean = LinearCe::from(loss().softmax.denominator(40.0));
        let want = run_linear(&mean, &arrays.batch()).expect("a batch with a meaning");
        let device = Device::new(gpu, &arrays);
        let layout = layout().denominator(true).upstream(Upstream::Scalar);
        let plan = gpu.plan_linear(&loss(), &layout).expect("a plan");
        let (denominator, upstream) = (buffer(gpu, &40.0_f32.to_le_bytes()), buffer(gpu, &(-3.0_f32).to_le_bytes()));
        let buffers = device.buffers().denominator(&denominator);
        device.run(&plan, &buffers.upstream(&upstream));
        device.held("grad_hidden", &device.grad_hidden, want.grad_hidden.iter(), -3.0);
        device.held("grad_weight", &device.grad_weight, want.grad_weight.iter(), -3.0);
        near("loss", [f64::from(device.read(&device.loss)[0])], [&want.loss], loss_limit);
    });
}

#[test]
fn a_label_that_means_nothing_costs_its_own_row_alone() {
    on_every_adapter(|gpu| {
        let mut arrays = Arrays::<f32>::new(&mut Random(13), DIMS, true, |v| v);
        arrays.labels[9] = -100;
        let want = run_linear(&loss(), &arrays.batch()).expect("a batch with a meaning");
        arrays.labels[9] = 70;
        for layout in [layout(), LinearLayout::evaluation(DIMS.0, DIMS.1, DIMS.2, Dtype::F32)] {
            let device = Device::new(gpu, &arrays);
            let plan = gpu.plan_linear(&loss(), &layout).expect("a plan");
            let mut buffers = device.buffers();
            if layout.is_evaluation() {
                buffers = buffers.grad_hidden(None::<&wgpu::Buffer>).grad_weight(None::<&wgpu::Buffer>);
            }
            device.run(&plan, &buffers);
            let losses = device.read(&device.losses);
            for (row, want) in want.losses.iter().enumerate() {
                match row {
                    9 => assert!(losses[row].is_nan()),
                    _ => near("losses", [f64::from(losses[row])], [want], loss_limit),
                }
            }
            if !layout.is_evaluation() {
                device.held("grad_hidden", &device.grad_hidden, want.grad_hidden.iter(), 1.0);
                device.held("grad_weight", &device.grad_weight, want.grad_weight.iter(), 1.0);
            }
            let error = plan.read_status().expect_err("a bad label").to_string();
            assert_eq!(error, "row 9: the class is outside 0..70 (1 such rows)");
            assert!(plan.read_status().is_ok(), "it is told once");
        }
    });
}

#[test]
fn buffers_that_do_not_fit_are_refused_by_name() {
    on_every_adapter(|gpu| {
        let arrays = Arrays::<f32>::new(&mut Random(14), DIMS, true, |v| v);
        let device = Device::new(gpu, &arrays);
        let plan = gpu.plan_linear(&loss(), &layout()).expect("a plan");
        let refused = |buffers: &LinearBuffers<'_>| {
            let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            match plan.encode(&mut encoder, buffers) {
                Err(Error::Buffer { what, problem }) => format!("{what}: {problem}"),
                other => panic!("{other:?}"),
            }
        };
        let missing = device.buffers().grad_weight(None::<&wgpu::Buffer>);
        assert_eq!(refused(&missing), "grad_weight: missing, and this plan needs it");
        let unasked = device.buffers().lse(&device.losses);
        assert_eq!(refused(&unasked), "lse: this plan does not use it: ask for it by LinearLayout::lse");
        let small = device.buffers().grad_hidden(&device.losses);
        assert_eq!(refused(&small), "grad_hidden: 96 bytes given, 1008 needed");
        let shared = device.buffers().grad_weight(&device.weight);
        let text = refused(&shared);
        assert!(text.starts_with("grad_weight: bytes 0..3360 of its buffer overlap weight"), "{text}");
    });
}
