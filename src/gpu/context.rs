//! One device with all that is kept for it.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::pipeline::KernelCache;
use crate::error::{Error, Result};

/// A change to a kernel's source, by its name.
pub(crate) type Alteration = Box<dyn Fn(&str, String) -> String + Send + Sync>;

/// A device, its queue, and the kernels built on it.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) info: wgpu::AdapterInfo,
    pub(crate) limits: wgpu::Limits,
    /// Smallest and largest subgroup, where kernels may use them.
    pub(crate) subgroups: Option<(u32, u32)>,
    pub(crate) kernels: KernelCache,
    lost: Mutex<Option<String>>,
    alteration: OnceLock<Faults>,
}

/// Faults that a test puts into kernels.
struct Faults(Alteration);

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faults")
    }
}

impl Context {
    pub(crate) fn new(info: wgpu::AdapterInfo, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let subgroups = device
            .features()
            .contains(wgpu::Features::SUBGROUP)
            .then_some((info.subgroup_min_size.max(4), info.subgroup_max_size.max(4)));
        Context {
            limits: device.limits(),
            device,
            queue,
            info,
            subgroups,
            kernels: KernelCache::default(),
            lost: Mutex::new(None),
            alteration: OnceLock::new(),
        }
    }

    /// Puts faults into every kernel that is built from now on; the first call counts.
    pub(crate) fn alter(&self, alteration: Alteration) {
        let _ = self.alteration.set(Faults(alteration));
    }

    /// A kernel's source as it is to be built.
    pub(crate) fn altered(&self, name: &str, source: String) -> String {
        match self.alteration.get() {
            Some(Faults(alteration)) => alteration(name, source),
            None => source,
        }
    }

    /// Whether this is a processor that plays a GPU.
    pub(crate) fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// How many turns of loops an invocation can take in all, where that is few enough to reach.
    ///
    /// Mesa's llvmpipe (lavapipe too) leaves every loop once an invocation has taken 65,535 turns in all of its loops
    /// together (`LP_MAX_TGSI_LOOP_ITERATIONS`), without a word: what the loop had still to do is not done.
    pub(crate) fn loop_limit(&self) -> Option<u64> {
        self.info.name.contains("llvmpipe").then_some(65_000)
    }

    /// Whether quads had better be loaded as words of 64 bits: Mesa's software adapters load word by word.
    pub(crate) fn loads_by_words(&self) -> bool {
        self.is_software() && self.device.features().contains(wgpu::Features::SHADER_INT64)
    }

    /// The bytes that one binding can span.
    pub(crate) fn binding_limit(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size).min((1 << 31) - 256)
    }

    /// Refuses once the device was found lost.
    pub(crate) fn check_alive(&self) -> Result<()> {
        match &*self.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(reason) => Err(Error::DeviceLost { reason: reason.clone() }),
        }
    }

    /// Remembers that the device is lost; the first reason is kept.
    pub(crate) fn note_loss(&self, reason: &str) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert_with(|| reason.to_owned());
    }
}
