//! What one would write without a fused kernel: each step of the formula a dispatch of its own.

use std::path::Path;
use std::rc::Rc;

use gpu_loss::{GpuLoss, wgpu};

use crate::batch::Batch;
use crate::device::{Loaded, about, buffer};
use crate::peer::Peer;

/// Invocations of a workgroup, and partial sums of the mean, as in the WGSL.
const GROUP: u64 = 64;
const PARTS: u64 = 256;

/// The composition of plain kernels.
pub struct Unfused {
    gpu: Rc<GpuLoss>,
    loaded: Option<(Loaded, Steps)>,
}

/// Its dispatches, in order.
struct Steps {
    bindings: wgpu::BindGroup,
    dispatches: Vec<(wgpu::ComputePipeline, (u32, u32))>,
}

impl Unfused {
    pub fn new(gpu: &Rc<GpuLoss>) -> Self {
        Unfused { gpu: Rc::clone(gpu), loaded: None }
    }
}

impl Steps {
    fn new(loaded: &Loaded) -> Self {
        let gpu = &loaded.gpu;
        let device = gpu.device();
        let (rows, elements) = (loaded.rows as u64, (loaded.rows * loaded.classes) as u64);
        let maxima = buffer(gpu, "maxima", 4 * rows.max(PARTS));
        let sums = buffer(gpu, "sums", 4 * rows);
        let log_softmax = buffer(gpu, "log-softmax", 4 * elements);
        let losses = buffer(gpu, "losses", 4 * rows);
        let buffers =
            [&loaded.scores, &loaded.labels, &maxima, &sums, &log_softmax, &losses, &loaded.grad, &loaded.loss];
        let binding = |at: usize| wgpu::BindGroupLayoutEntry {
            binding: at as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: at < 2 },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let bindings: Vec<_> = (0..buffers.len()).map(binding).collect();
        let layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("unfused"), entries: &bindings });
        let resources = buffers.iter().map(|buffer| buffer.as_entire_binding());
        let entries: Vec<_> =
            (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("unfused"),
            layout: &layout,
            entries: &entries,
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("unfused"),
            source: wgpu::ShaderSource::Wgsl(include_str!("unfused.wgsl").into()),
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("unfused"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let constants = [("ROWS", rows as f64), ("CLASSES", loaded.classes as f64)];
        let widest = u64::from(device.limits().max_compute_workgroups_per_dimension);
        let step = |entry_point, groups: u64| {
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry_point),
                layout: Some(&layout),
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
                cache: None,
            });
            let width = groups.min(widest);
            (pipeline, (width as u32, groups.div_ceil(width) as u32))
        };
        // On a CPU, barriers are dear and neighbouring threads need not read neighbouring scores; but Mesa's software
        // adapters end a loop after 65,535 turns.
        let is_cpu = gpu.adapter_info().device_type == wgpu::DeviceType::Cpu;
        let by_thread = loaded.classes <= if is_cpu { 65_000 } else { 64 };
        let (by_rows, by_quads) = (rows.div_ceil(GROUP), elements.div_ceil(4).div_ceil(GROUP));
        let [max, sum] = if by_thread { ["max_by_thread", "sum_by_thread"] } else { ["max_by_group", "sum_by_group"] };
        let walks = if by_thread { by_rows } else { rows };
        let dispatches = vec![
            step(max, walks),
            step(sum, walks),
            step("write_log_softmax", by_quads),
            step("gather", by_rows),
            step("sum_losses", PARTS),
            step("write_mean", 1),
            step("write_grad", by_quads),
        ];
        Steps { bindings, dispatches }
    }

    fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_bind_group(0, &self.bindings, &[]);
        for (pipeline, (width, height)) in &self.dispatches {
            pass.set_pipeline(pipeline);
            pass.dispatch_workgroups(*width, *height, 1);
        }
    }
}

impl Peer for Unfused {
    fn name(&self) -> &'static str {
        "unfused WGSL"
    }

    fn about(&self) -> String {
        format!("benches/peers/src/unfused.wgsl on {}", about(&self.gpu))
    }

    fn load(&mut self, batch: &Batch, _: &Path) -> Result<(), String> {
        let loaded = Loaded::new(&self.gpu, batch);
        let steps = Steps::new(&loaded);
        self.loaded = Some((loaded, steps));
        Ok(())
    }

    fn result(&mut self) -> Result<(f32, Vec<f32>), String> {
        self.time()?;
        self.loaded.as_ref().ok_or("nothing is loaded")?.0.results()
    }

    fn time(&mut self) -> Result<f64, String> {
        let (loaded, steps) = self.loaded.as_ref().ok_or("nothing is loaded")?;
        loaded.step(|encoder| {
            steps.record(encoder);
            Ok(())
        })
    }

    fn unload(&mut self) {
        self.loaded = None;
    }
}
