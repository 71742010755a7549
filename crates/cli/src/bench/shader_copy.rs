//! A copy of some bytes by a kernel.

use gpu_loss::{GpuLoss, wgpu};

/// A copy by a kernel, of which no binding is larger than the device allows.
pub(crate) struct ShaderCopy {
    pub(crate) walk: Walk,
    pipeline: wgpu::ComputePipeline,
    pieces: Vec<(wgpu::BindGroup, (u32, u32))>,
}

/// How a kernel goes over the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Invocations of a workgroup.
    pub(crate) group: u32,
    /// Invocations that go along one run together.
    pub(crate) lanes: u32,
    /// Vectors of words in a run; 1 is one a thread, without a loop.
    pub(crate) run: u32,
}

impl ShaderCopy {
    /// One vector a thread.
    pub(crate) fn flat(gpu: &GpuLoss, source: &wgpu::Buffer, sink: &wgpu::Buffer, bytes: u64) -> Self {
        ShaderCopy::new(gpu, source, sink, bytes, Walk { group: 256, lanes: 1, run: 1 })
    }

    pub(crate) fn new(gpu: &GpuLoss, source: &wgpu::Buffer, sink: &wgpu::Buffer, bytes: u64, walk: Walk) -> Self {
        let device = gpu.device();
        let limits = device.limits();
        let group = walk.group.min(limits.max_compute_invocations_per_workgroup);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("copy"),
            source: wgpu::ShaderSource::Wgsl(include_str!("copy.wgsl").into()),
        });
        let flat = walk.run == 1;
        let constants = [("GROUP_SIZE", f64::from(group)), ("LANES", walk.lanes.into()), ("RUN", walk.run.into())];
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("copy"),
            layout: None,
            module: &module,
            entry_point: Some(if flat { "flat" } else { "runs" }),
            compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        let largest = limits.max_storage_buffer_binding_size.min(1 << 30) / 4096 * 4096;
        let piece = |offset: u64| {
            let size = largest.min(bytes - offset);
            let part = |binding, buffer| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset,
                    size: wgpu::BufferSize::new(size),
                }),
            };
            let entries = [part(0, source), part(1, sink)];
            let descriptor = wgpu::BindGroupDescriptor { label: Some("copy"), layout: &layout, entries: &entries };
            let quads = size / 16;
            let invocations = quads.div_ceil(walk.run.into()) * u64::from(walk.lanes);
            let groups = invocations.div_ceil(group.into());
            let width = groups.min(limits.max_compute_workgroups_per_dimension.into()).max(1);
            (device.create_bind_group(&descriptor), (width as u32, groups.div_ceil(width) as u32))
        };
        ShaderCopy { walk, pipeline, pieces: (0..bytes).step_by(largest as usize).map(piece).collect() }
    }

    pub(crate) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline);
        for (group, (width, height)) in &self.pieces {
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(*width, *height, 1);
        }
    }
}
