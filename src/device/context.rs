//! One device with all that is kept for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::injection::Injection;
use super::kernel_cache::KernelCache;
#[cfg(not(target_arch = "wasm32"))]
use super::pipeline_store::PipelineStore;
use super::profile::{Choice, Profile};
use crate::error::{Error, Result};

/// What the driver said when it lost a device: known where the device is this crate's own, whose callbacks are too.
pub(crate) type LastWords = Arc<OnceLock<String>>;

/// A device, its queue, and the kernels built on it.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) info: wgpu::AdapterInfo,
    pub(crate) limits: wgpu::Limits,
    /// Smallest and largest subgroup, where kernels may use them.
    pub(crate) subgroups: Option<(u32, u32)>,
    /// What plans go by.
    pub(crate) profile: Profile,
    pub(crate) kernels: KernelCache,
    pub(crate) injection: Injection,
    /// Pipelines that are kept in a file, where the caller named a folder.
    #[cfg(not(target_arch = "wasm32"))]
    store: OnceLock<PipelineStore>,
    /// In milliseconds.
    time_limit: AtomicU64,
    last_words: LastWords,
    /// Why the device is lost, once that was noticed.
    lost: Mutex<Option<String>>,
}

/// The most invocations of a workgroup in one dimension.
pub(crate) fn widest_group(limits: &wgpu::Limits) -> u32 {
    limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x)
}

impl Context {
    /// No batch may take longer unless the caller says so.
    pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);

    pub(crate) fn new(
        info: wgpu::AdapterInfo,
        device: wgpu::Device,
        queue: wgpu::Queue,
        last_words: LastWords,
        choice: Option<Choice>,
    ) -> Self {
        let has = device
            .features()
            .contains(wgpu::Features::SUBGROUP)
            .then_some((info.subgroup_min_size.max(4), info.subgroup_max_size.max(4)))
            // A workgroup smaller than a subgroup would leave lanes of it without an invocation.
            .filter(|(_, largest)| *largest <= widest_group(&device.limits()));
        let profile = choice.map_or_else(|| Profile::of(&info, has.is_some()), |choice| choice.on(&info));
        let claimed = choice.and_then(|choice| choice.subgroups);
        let subgroups = has.filter(|_| profile.subgroups).map(|sizes| claimed.unwrap_or(sizes));
        Context {
            limits: device.limits(),
            device,
            queue,
            info,
            subgroups,
            profile,
            kernels: KernelCache::default(),
            injection: Injection::default(),
            #[cfg(not(target_arch = "wasm32"))]
            store: OnceLock::new(),
            time_limit: AtomicU64::new(Self::TIME_LIMIT.as_millis() as u64),
            last_words,
            lost: Mutex::new(None),
        }
    }

    /// The same device, taken for one of this profile that is not there.
    #[cfg(any(test, feature = "export"))]
    pub(crate) fn posing(&self, choice: Choice) -> Self {
        let (subgroup_min_size, subgroup_max_size) = choice.subgroups.unwrap_or_default();
        let info = wgpu::AdapterInfo {
            name: format!("a device of the profile {}", choice.name()),
            device_type: wgpu::DeviceType::Other,
            subgroup_min_size,
            subgroup_max_size,
            ..self.info.clone()
        };
        let last_words = Arc::clone(&self.last_words);
        let context = Context::new(info, self.device.clone(), self.queue.clone(), last_words, Some(choice));
        Context { subgroups: choice.subgroups.filter(|_| context.profile.subgroups), ..context }
    }

    /// Keeps compiled kernels in a folder, if the device can hand them out.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn keep_pipelines(&self, folder: &std::path::Path) {
        if let Some(store) = PipelineStore::open(&self.device, &self.info, folder) {
            let _ = self.store.set(store);
        }
    }

    /// The pipelines that are kept.
    pub(super) fn kept_pipelines(&self) -> Option<&wgpu::PipelineCache> {
        #[cfg(target_arch = "wasm32")]
        return None;
        #[cfg(not(target_arch = "wasm32"))]
        self.store.get().map(|store| &store.cache)
    }

    /// Whether kernels have wide loads.
    pub(crate) fn wide_loads(&self) -> bool {
        self.profile.llvmpipe.wide_loads && self.device.features().contains(wgpu::Features::SHADER_INT64)
    }

    /// The bytes that one binding can span.
    pub(crate) fn binding_limit(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size).min((1 << 31) - 256)
    }

    /// How long a wait for the device may last.
    pub(crate) fn time_limit(&self) -> Duration {
        Duration::from_millis(self.time_limit.load(Ordering::Relaxed))
    }

    pub(crate) fn set_time_limit(&self, limit: Duration) {
        self.time_limit.store(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Refuses once the device was found lost.
    pub(crate) fn check_alive(&self) -> Result<()> {
        match &*self.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(reason) => Err(Error::DeviceLost { reason: reason.clone() }),
        }
    }

    /// Remembers that the device is lost, and the error that tells so; the first reason is kept.
    pub(super) fn note_loss(&self, during: &str) -> Error {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = lost.get_or_insert_with(|| {
            let cause = self.last_words.get().map_or("the driver gave no reason", String::as_str);
            let reason = format!("{cause} (noticed while {during})");
            log::error!("{} is lost: {reason}", self.info.name);
            reason
        });
        Error::DeviceLost { reason: reason.clone() }
    }
}
