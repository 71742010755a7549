//! The kernels that were built on a device, kept for the next plan.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A pipeline with the layout of its one bind group.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

/// What makes two kernels the same: their WGSL, and the values of its overrides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KernelKey {
    source: Arc<str>,
    /// Values by their bits.
    constants: Vec<(&'static str, u64)>,
}

impl KernelKey {
    pub(super) fn new(source: &str, constants: &[(&'static str, f64)]) -> Self {
        let constants = constants.iter().map(|(name, value)| (*name, value.to_bits())).collect();
        KernelKey { source: source.into(), constants }
    }
}

/// Kernels that are kept at most, besides those that plans hold: some drivers take megabytes for each.
const KEPT: usize = 256;

/// Kernels by their keys. Two threads that need the same new one both build it; the first to finish keeps it.
#[derive(Debug, Default)]
pub(crate) struct KernelCache {
    kernels: Mutex<HashMap<KernelKey, Arc<Kernel>>>,
}

impl KernelCache {
    pub(super) fn find(&self, key: &KernelKey) -> Option<Arc<Kernel>> {
        self.lock().get(key).map(Arc::clone)
    }

    /// Keeps a kernel; hands out the one that was kept meanwhile, if there is one.
    pub(super) fn keep(&self, key: KernelKey, kernel: Kernel) -> Arc<Kernel> {
        let mut kernels = self.lock();
        if kernels.len() >= KEPT {
            kernels.retain(|_, kernel| Arc::strong_count(kernel) > 1);
        }
        Arc::clone(kernels.entry(key).or_insert_with(|| Arc::new(kernel)))
    }

    /// How many are kept.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<KernelKey, Arc<Kernel>>> {
        self.kernels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
