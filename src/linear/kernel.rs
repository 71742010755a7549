//! Pipelines of products and of the small kernels around them, built once a device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::device::{Context, Kernel, assembled, guarded};
use crate::error::Result;
use crate::kernel::declared;

/// A pipeline with the layout of its one bind group, which the compiler of the shader finds: inputs are `read`.
#[derive(Debug)]
pub(crate) struct LinearKernel {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    /// The numbers of its bindings.
    pub(crate) bindings: Vec<u32>,
}

type Key = (String, Vec<(&'static str, u64)>);

/// Kernels that were built, by source and constants.
#[derive(Debug, Default)]
pub(crate) struct LinearKernels(Mutex<HashMap<Key, Arc<LinearKernel>>>);

impl LinearKernels {
    /// A kernel with the constants that its source declares, among those given.
    pub(crate) async fn get(
        &self,
        context: &Context,
        label: &str,
        source: String,
        constants: &[(&'static str, f64)],
    ) -> Result<Arc<LinearKernel>> {
        let source = context.injection.altered(label, source);
        let constants = declared(&source, constants);
        let key = (source.clone(), constants.iter().map(|(name, value)| (*name, value.to_bits())).collect());
        if let Some(kernel) = self.lock().get(&key) {
            return Ok(Arc::clone(kernel));
        }
        let kernel = Arc::new(build(context, label, source, &constants).await?);
        Ok(Arc::clone(self.lock().entry(key).or_insert(kernel)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<LinearKernel>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn build(
    context: &Context,
    label: &str,
    source: String,
    constants: &[(&'static str, f64)],
) -> Result<LinearKernel> {
    let used = used_bindings(&source, &crate::kernel::bindings(&source));
    guarded(context, "building a kernel", || {
        let Kernel { pipeline, layout } =
            assembled(&context.device, label, &source, constants, used.iter().copied(), None);
        LinearKernel { pipeline, layout, bindings: used.iter().map(|(binding, _)| *binding).collect() }
    })
    .await
}

/// The bindings that a source declares, with how each is used.
fn used_bindings(source: &str, declared: &[(u32, bool)]) -> Vec<(u32, wgpu::BufferBindingType)> {
    let read_only = |binding: u32| {
        let head = format!("@binding({binding}) ");
        source.lines().any(|line| line.contains(&head) && line.contains("var<storage, read>"))
    };
    let kind = |(binding, uniform): &(u32, bool)| match uniform {
        true => (*binding, wgpu::BufferBindingType::Uniform),
        false => (*binding, wgpu::BufferBindingType::Storage { read_only: read_only(*binding) }),
    };
    declared.iter().map(kind).collect()
}
