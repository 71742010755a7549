//! A training loop that stays on the GPU: a linear layer in the caller's own WGSL, the loss and its gradient from this
//! crate, on the caller's device. No score is ever read back; the losses are, once, at the end.
//!
//!     cargo run --release --example training_loop

use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};

const ROWS: usize = 1024;
const FEATURES: usize = 16;
const CLASSES: usize = 8;
const STEPS: usize = 200;

/// The layer: scores = features · weights, and weights −= rate · featuresᵀ · grad.
const LAYER: &str = "
const ROWS = 1024u;
const FEATURES = 16u;
const CLASSES = 8u;
const RATE = 0.5;

@group(0) @binding(0) var<storage, read_write> features: array<f32>;
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> scores: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x / CLASSES;
    let c = id.x % CLASSES;
    var sum = 0.0;
    for (var f = 0u; f < FEATURES; f++) {
        sum += features[row * FEATURES + f] * weights[f * CLASSES + c];
    }
    scores[id.x] = sum;
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    let f = id.x / CLASSES;
    let c = id.x % CLASSES;
    var sum = 0.0;
    for (var row = 0u; row < ROWS; row++) {
        sum += features[row * FEATURES + f] * grad[row * CLASSES + c];
    }
    weights[id.x] -= RATE * sum;
}
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The caller's adapter, device and queue, which the losses share.
    let adapters = GpuLoss::adapters(&Default::default());
    let adapter = adapters.first().ok_or("no GPU adapter: `cargo xtask setup` installs a software one")?;
    let (required_features, required_limits) = GpuLoss::wanted(adapter);
    let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))?;
    let gpu = GpuLoss::from_device(adapter, device.clone(), queue.clone())?;
    println!("{}", adapter.get_info().name);

    let buffer = |label, floats: usize| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: floats as u64 * 4,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    };
    let features = buffer("features", ROWS * FEATURES);
    let labels = buffer("labels", ROWS * 2); // i64
    let weights = buffer("weights", FEATURES * CLASSES);
    let scores = buffer("scores", ROWS * CLASSES);
    let grad = buffer("grad", ROWS * CLASSES);
    let loss = buffer("loss", 1);
    let history = buffer("history", STEPS);
    let (x, y) = blobs();
    queue.write_buffer(&features, 0, bytemuck::cast_slice(&x));
    queue.write_buffer(&labels, 0, bytemuck::cast_slice(&y));

    // The layer's pipelines, and the loss's plan: everything that can fail or be slow.
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("layer"),
        source: wgpu::ShaderSource::Wgsl(LAYER.into()),
    });
    let pipeline = |entry| {
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: None,
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    };
    let (forward, backward) = (pipeline("forward"), pipeline("backward"));
    let bind = |pipeline: &wgpu::ComputePipeline, bound: [(u32, &wgpu::Buffer); 3]| {
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &bound
                .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }),
        })
    };
    let forward_group = bind(&forward, [(0, &features), (1, &weights), (2, &scores)]);
    let backward_group = bind(&backward, [(0, &features), (1, &weights), (3, &grad)]);
    let layout = Layout::forward_backward(Shape::new(ROWS, CLASSES), Dtype::F32).with_correct();
    let plan = gpu.plan(&SoftmaxCe::default().label_smoothing(0.01), &layout)?;
    let buffers = Buffers::new(&scores, &labels).grad(&grad).loss(&loss);

    // A step: encode, submit, go on. Nothing waits, nothing is allocated.
    let begin = std::time::Instant::now();
    for step in 0..STEPS {
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&forward);
            pass.set_bind_group(0, &forward_group, &[]);
            pass.dispatch_workgroups((ROWS * CLASSES) as u32 / 64, 1, 1);
            plan.encode_in(&mut pass, &buffers)?;
            pass.set_pipeline(&backward);
            pass.set_bind_group(0, &backward_group, &[]);
            pass.dispatch_workgroups((FEATURES * CLASSES) as u32 / 64, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&loss, 0, &history, step as u64 * 4, 4);
        queue.submit([encoder.finish()]);
    }
    // Any label out of range would be told here; the last step's correct rows come with it.
    let correct = plan.read_status()?;
    println!("{STEPS} steps in {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);

    let losses = gpu.read_f32(&history)?;
    println!("loss {:.3} → {:.3}", losses[0], losses[STEPS - 1]);
    println!("{correct} of {ROWS} rows right");
    if losses[STEPS - 1] > 0.5 * losses[0] || correct < 9 * ROWS as u64 / 10 {
        return Err("it did not learn".into());
    }
    Ok(())
}

/// Points around one centre a class, from a fixed seed.
fn blobs() -> (Vec<f32>, Vec<i64>) {
    let mut state = 1_u64;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let centres: Vec<f32> = (0..CLASSES * FEATURES).map(|_| 2.0 * unit()).collect();
    let labels: Vec<i64> = (0..ROWS as i64).map(|row| row % CLASSES as i64).collect();
    let features = labels
        .iter()
        .flat_map(|&class| {
            centres[class as usize * FEATURES..][..FEATURES].iter().map(|v| v + unit()).collect::<Vec<_>>()
        })
        .collect();
    (features, labels)
}
