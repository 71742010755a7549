//! Compute pipelines, built once per device and set of constants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Context, guarded};
use crate::error::Result;

/// A pipeline with the layout of its one bind group.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

/// What makes two kernels the same: their WGSL, and the values of its overrides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KernelKey {
    source: Arc<str>,
    /// Values by their bits.
    constants: Vec<(&'static str, u64)>,
}

/// Kernels that are kept at most, besides those that plans hold: some drivers take megabytes for each.
const KEPT: usize = 256;

/// Kernels by their keys. Two threads that need the same new one both build it; the first to finish keeps it.
#[derive(Debug, Default)]
pub(crate) struct KernelCache {
    kernels: Mutex<HashMap<KernelKey, Arc<Kernel>>>,
}

impl KernelCache {
    pub(crate) async fn get(
        &self,
        context: &Context,
        label: &str,
        source: &str,
        constants: &[(&'static str, f64)],
        bindings: &[(u32, bool)],
    ) -> Result<Arc<Kernel>> {
        let bits = constants.iter().map(|(name, value)| (*name, value.to_bits())).collect();
        let key = KernelKey { source: source.into(), constants: bits };
        if let Some(kernel) = self.lock().get(&key) {
            return Ok(Arc::clone(kernel));
        }
        let kernel = Arc::new(build(context, label, source, constants, bindings).await?);
        let mut kernels = self.lock();
        if kernels.len() >= KEPT {
            kernels.retain(|_, kernel| Arc::strong_count(kernel) > 1);
        }
        Ok(Arc::clone(kernels.entry(key).or_insert(kernel)))
    }

    #[cfg(feature = "fault-injection")]
    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<KernelKey, Arc<Kernel>>> {
        self.kernels.lock().unwrap_or_else(PoisonError::into_inner)
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
