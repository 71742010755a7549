//! Opening a device with all that is to be settled beforehand.

#[cfg(not(target_arch = "wasm32"))]
use std::path::PathBuf;
use std::time::Duration;

use super::{GpuLoss, Tuning};
use crate::device::LastWords;
use crate::device::adapter::{self, AdapterFilter};
use crate::device::profile::Choice;
use crate::error::Result;
use crate::schedule::Strategy;

/// How a device is opened: [`GpuLoss::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is opened before `open`"]
pub struct Builder {
    filter: AdapterFilter,
    strategy: Option<Strategy>,
    tuning: Tuning,
    self_test: Option<bool>,
    time_limit: Option<Duration>,
    profile: Option<String>,
    #[cfg(not(target_arch = "wasm32"))]
    pipelines: Option<PathBuf>,
}

impl GpuLoss {
    /// Opens a device with settings of your own.
    ///
    /// ```no_run
    /// use gpu_loss::GpuLoss;
    /// let gpu = GpuLoss::builder().pipeline_cache("cache/gpu-loss").open()?;
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// The best adapter that a filter admits; any, unless set.
    pub fn adapter(self, filter: AdapterFilter) -> Self {
        Builder { filter, ..self }
    }

    /// One strategy for every plan, in place of what `GPU_LOSS_STRATEGY` says, and of a choice by shape and adapter.
    pub fn strategy(self, strategy: impl Into<Option<Strategy>>) -> Self {
        Builder { strategy: strategy.into(), ..self }
    }

    /// The profile that plans go by, in place of the one that the driver's words suggest and of `GPU_LOSS_PROFILE`:
    /// `discrete`, `integrated`, `apple`, `no-subgroups`, `cpu` or `llvmpipe`. `discrete:4-64` reckons with subgroups of 4
    /// to 64 invocations whatever the driver says, which a range around the real size may be.
    ///
    /// ```no_run
    /// use gpu_loss::GpuLoss;
    /// let gpu = GpuLoss::builder().profile("no-subgroups").open()?;
    /// assert_eq!((gpu.profile(), gpu.subgroups()), ("no-subgroups", None));
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    pub fn profile(self, name: impl Into<String>) -> Self {
        Builder { profile: Some(name.into()), ..self }
    }

    /// How strategies are chosen where none is set.
    pub fn tuning(self, tuning: Tuning) -> Self {
        Builder { tuning, ..self }
    }

    /// Whether kernels are tested before they are used, as they are unless `GPU_LOSS_SELF_TEST=0`: once in a process for
    /// each driver, loss, form of target, type, strategy and set of options, when the first plan is made that needs it.
    pub fn self_test(self, on: bool) -> Self {
        Builder { self_test: Some(on), ..self }
    }

    /// How long a call waits for the device, in whole milliseconds (2 minutes unless set); past that it is
    /// [`Error::Timeout`](crate::Error::Timeout). In a browser there is no limit but the browser's own.
    pub fn time_limit(self, limit: Duration) -> Self {
        Builder { time_limit: Some(limit), ..self }
    }

    /// A folder in which compiled kernels are kept, a file for each adapter and driver, where the device can hand them out
    /// (`wgpu::Features::PIPELINE_CACHE`): the next process need not compile them. The file is read now and written when
    /// the last plan and this device are dropped. A file that is damaged or another driver's is not used, and one that
    /// cannot be written is logged; neither is an error. Nobody else should be able to write to the folder: what is in
    /// it is handed to the driver. Mesa's lavapipe hands out a header and no kernels, so there nothing is gained.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn pipeline_cache(self, folder: impl Into<PathBuf>) -> Self {
        Builder { pipelines: Some(folder.into()), ..self }
    }

    /// Opens the device.
    ///
    /// # Errors
    /// As [`GpuLoss::new`]; [`Error::Option`](crate::Error::Option) for a profile that there is not.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(self) -> Result<GpuLoss> {
        pollster::block_on(self.open_async())
    }

    /// As [`open`](Self::open), without blocking.
    ///
    /// # Errors
    /// As [`GpuLoss::new`].
    pub async fn open_async(self) -> Result<GpuLoss> {
        let adapter = adapter::best(&self.filter).await?;
        self.on_adapter_async(&adapter).await
    }

    /// Opens a device on this adapter, whatever the filter.
    ///
    /// # Errors
    /// As [`GpuLoss::on_adapter`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn on_adapter(self, adapter: &wgpu::Adapter) -> Result<GpuLoss> {
        pollster::block_on(self.on_adapter_async(adapter))
    }

    /// As [`on_adapter`](Self::on_adapter), without blocking.
    ///
    /// # Errors
    /// As [`GpuLoss::on_adapter`].
    pub async fn on_adapter_async(self, adapter: &wgpu::Adapter) -> Result<GpuLoss> {
        let (device, queue, last_words) = adapter::open(adapter).await?;
        self.on_device(adapter, device, queue, last_words)
    }

    /// Shares the caller's device, as [`GpuLoss::from_device`].
    ///
    /// # Errors
    /// As [`GpuLoss::from_device`].
    pub fn from_device(self, adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<GpuLoss> {
        #[cfg(not(target_arch = "wasm32"))]
        adapter::check_queue(adapter, &device, &queue)?;
        self.on_device(adapter, device, queue, LastWords::default())
    }

    /// A front door on a device that is open, with these settings.
    fn on_device(
        self,
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
        last_words: LastWords,
    ) -> Result<GpuLoss> {
        adapter::check_limits(adapter, &device)?;
        let mut gpu = GpuLoss::on_device(adapter, device, queue, last_words, self.choice()?)?;
        gpu.options.strategy = self.strategy.or(gpu.options.strategy);
        gpu.options.tuning = self.tuning;
        gpu.options.self_test = self.self_test.unwrap_or(gpu.options.self_test);
        if let Some(limit) = self.time_limit {
            gpu.context.set_time_limit(limit);
        }
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(folder) = &self.pipelines {
            gpu.context.keep_pipelines(folder);
        }
        Ok(gpu)
    }

    /// The profile that is forced, if any: here, else by the environment, whose word is checked either way.
    fn choice(&self) -> Result<Option<Choice>> {
        let by_environment = Choice::of_environment()?;
        let here = self.profile.as_deref().map(Choice::named).transpose()?;
        Ok(here.or(by_environment))
    }
}
