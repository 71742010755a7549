//! Opening a device with all that is to be settled beforehand.

use std::path::PathBuf;

use super::{GpuLoss, Tuning};
use crate::device::adapter::AdapterFilter;
use crate::error::Result;

/// How a device is opened: [`GpuLoss::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is opened before `open`"]
pub struct Builder {
    filter: AdapterFilter,
    tuning: Tuning,
    self_test: Option<bool>,
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

    /// How strategies are chosen: as [`GpuLoss::set_tuning`].
    pub fn tuning(self, tuning: Tuning) -> Self {
        Builder { tuning, ..self }
    }

    /// Whether kernels are tested before they are used: as [`GpuLoss::set_self_test`].
    pub fn self_test(self, on: bool) -> Self {
        Builder { self_test: Some(on), ..self }
    }

    /// A folder in which compiled kernels are kept, a file for each adapter and driver, where the device can hand them out
    /// (`wgpu::Features::PIPELINE_CACHE`): the next process need not compile them. The file is read now and written when
    /// the last plan and this device are dropped. A file that is damaged or another driver's is not used, and one that
    /// cannot be written is logged; neither is an error. Nobody else should be able to write to the folder: what is in
    /// it is handed to the driver. Mesa's lavapipe hands out a header and no kernels, so there nothing is gained.
    pub fn pipeline_cache(self, folder: impl Into<PathBuf>) -> Self {
        Builder { pipelines: Some(folder.into()), ..self }
    }

    /// Opens the device.
    ///
    /// # Errors
    /// As [`GpuLoss::new`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(self) -> Result<GpuLoss> {
        pollster::block_on(self.open_async())
    }

    /// As [`open`](Self::open), without blocking.
    ///
    /// # Errors
    /// As [`GpuLoss::new`].
    pub async fn open_async(self) -> Result<GpuLoss> {
        let gpu = GpuLoss::open_async(&self.filter).await?;
        gpu.set_tuning(self.tuning);
        if let Some(on) = self.self_test {
            gpu.set_self_test(on);
        }
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(folder) = &self.pipelines {
            gpu.context.keep_pipelines(folder);
        }
        Ok(gpu)
    }
}
