//! The best copy of some bytes that an adapter has to offer: what every figure is held against. The kernel is the
//! program's own.

use gpu_loss::{Error, GpuLoss, Result, wgpu};

use super::timer::{Timer, Work};

const WGSL: &str = include_str!("../../../cli/src/bench/copy.wgsl");

/// A copy by a kernel, of which no binding is larger than the device allows.
pub(super) struct ShaderCopy {
    pipeline: wgpu::ComputePipeline,
    pieces: Vec<(wgpu::BindGroup, (u32, u32))>,
}

/// How a kernel goes over the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Walk {
    /// Invocations of a workgroup.
    group: u32,
    /// Invocations that go along one run together.
    lanes: u32,
    /// Vectors of words in a run; 1 is one a thread, without a loop.
    run: u32,
}

/// A copy that was chosen, of so many bytes.
pub(super) struct BestCopy {
    shader: Option<ShaderCopy>,
    bytes: u64,
}

impl BestCopy {
    /// Tries every way to copy and keeps the fastest. `row_bytes` is what a loss has in a row: one of the ways walks as
    /// it does.
    pub(super) async fn best(
        gpu: &GpuLoss,
        timer: &Timer,
        [source, sink]: [&wgpu::Buffer; 2],
        bytes: u64,
        row_bytes: u64,
    ) -> Result<Self> {
        let mut ways = vec![BestCopy { shader: None, bytes }];
        for walk in walks(gpu, row_bytes) {
            ways.push(BestCopy { shader: Some(ShaderCopy::new(gpu, source, sink, bytes, walk)), bytes });
        }
        let mut best: Option<(f64, BestCopy)> = None;
        for way in ways {
            let work = way.work(source, sink);
            if !timer.takes(&work) {
                continue;
            }
            // The first time warms up; a way that is far behind is not tried again.
            let mut ms = timer.time(gpu, &work, 1).await?;
            if best.as_ref().is_none_or(|(least, _)| ms < 3.0 * least) {
                let repeats = timer.repeats(ms);
                ms = timer.time(gpu, &work, repeats).await?.min(timer.time(gpu, &work, repeats).await?);
            }
            if best.as_ref().is_none_or(|(least, _)| ms < *least) {
                best = Some((ms, way));
            }
        }
        let message = "no copy can be timed".to_owned();
        best.map(|(_, copy)| copy).ok_or(Error::Device { during: "looking for the best copy", message })
    }

    pub(super) fn work<'a>(&'a self, source: &'a wgpu::Buffer, sink: &'a wgpu::Buffer) -> Work<'a> {
        match &self.shader {
            Some(shader) => Work::Shader(shader),
            None => Work::Transfer { source, sink, bytes: self.bytes },
        }
    }

    /// Bytes that it moves: in and out.
    pub(super) fn moved(&self) -> u64 {
        2 * self.bytes
    }
}

/// The ways to try: one vector a thread, and runs as long as a row, or of 4 KiB, by a thread or by 32.
fn walks(gpu: &GpuLoss, row_bytes: u64) -> Vec<Walk> {
    let software = gpu.adapter_info().device_type == wgpu::DeviceType::Cpu;
    // Few invocations a workgroup keep all cores of a software adapter busy.
    let group = if software { 16 } else { 256 };
    let row = (row_bytes / 16).clamp(1, 1 << 14) as u32;
    let mut walks = vec![Walk { group: 256, lanes: 1, run: 1 }, Walk { group: 64, lanes: 1, run: 1 }];
    for run in [row, 256] {
        for lanes in [1, group.min(32)] {
            let walk = Walk { group, lanes, run };
            if run > lanes && !walks.contains(&walk) {
                walks.push(walk);
            }
        }
    }
    walks
}

impl ShaderCopy {
    /// One vector a thread.
    pub(super) fn flat(gpu: &GpuLoss, source: &wgpu::Buffer, sink: &wgpu::Buffer, bytes: u64) -> Self {
        ShaderCopy::new(gpu, source, sink, bytes, Walk { group: 256, lanes: 1, run: 1 })
    }

    fn new(gpu: &GpuLoss, source: &wgpu::Buffer, sink: &wgpu::Buffer, bytes: u64, walk: Walk) -> Self {
        let device = gpu.device();
        let limits = device.limits();
        let group = walk.group.min(limits.max_compute_invocations_per_workgroup);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("copy"),
            source: wgpu::ShaderSource::Wgsl(WGSL.into()),
        });
        let group_size = ("GROUP_SIZE", f64::from(group));
        // A constant that the entry point does not use must not be named.
        let (entry, constants) = match walk.run {
            1 => ("flat", vec![group_size]),
            run => ("runs", vec![group_size, ("LANES", walk.lanes.into()), ("RUN", run.into())]),
        };
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("copy"),
            layout: None,
            module: &module,
            entry_point: Some(entry),
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
            let invocations = (size / 16).div_ceil(walk.run.into()) * u64::from(walk.lanes);
            let groups = invocations.div_ceil(group.into());
            let width = groups.min(limits.max_compute_workgroups_per_dimension.into()).max(1);
            (device.create_bind_group(&descriptor), (width as u32, groups.div_ceil(width) as u32))
        };
        ShaderCopy { pipeline, pieces: (0..bytes).step_by(largest as usize).map(piece).collect() }
    }

    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline);
        for (group, (width, height)) in &self.pieces {
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(*width, *height, 1);
        }
    }
}
