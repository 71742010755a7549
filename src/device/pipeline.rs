//! Compute pipelines, built once per device and set of constants.

use std::sync::Arc;

use super::kernel_cache::{Kernel, KernelKey};
use super::{Context, guarded};
use crate::error::Result;

impl Context {
    /// The kernel of this source and these constants, built unless it is kept.
    pub(crate) async fn kernel(
        &self,
        label: &str,
        source: &str,
        constants: &[(&'static str, f64)],
        bindings: &[(u32, bool)],
    ) -> Result<Arc<Kernel>> {
        let key = KernelKey::new(source, constants);
        if let Some(kernel) = self.kernels.find(&key) {
            return Ok(kernel);
        }
        let kernel = build(self, label, source, constants, bindings).await?;
        Ok(self.kernels.keep(key, kernel))
    }
}

async fn build(
    context: &Context,
    label: &str,
    source: &str,
    constants: &[(&'static str, f64)],
    bindings: &[(u32, bool)],
) -> Result<Kernel> {
    #[cfg(not(target_arch = "wasm32"))]
    let begin = std::time::Instant::now();
    let kernel = guarded(context, "building a kernel", || {
        let bindings = bindings.iter().map(|(binding, uniform)| match uniform {
            true => (*binding, wgpu::BufferBindingType::Uniform),
            false => (*binding, wgpu::BufferBindingType::Storage { read_only: false }),
        });
        assembled(&context.device, label, source, constants, bindings, context.kept_pipelines())
    })
    .await;
    #[cfg(not(target_arch = "wasm32"))]
    log::debug!("built {label} with {constants:?} in {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
    kernel
}

/// A pipeline whose one bind group has these bindings, to be made inside an error scope.
pub(crate) fn assembled(
    device: &wgpu::Device,
    label: &str,
    source: &str,
    constants: &[(&str, f64)],
    bindings: impl Iterator<Item = (u32, wgpu::BufferBindingType)>,
    cache: Option<&wgpu::PipelineCache>,
) -> Kernel {
    let entries: Vec<wgpu::BindGroupLayoutEntry> = bindings
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        })
        .collect();
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(label),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions { constants, zero_initialize_workgroup_memory: false },
        cache,
    });
    Kernel { pipeline, layout }
}
