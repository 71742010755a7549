//! Numbers read back from the caller's buffers.

use super::GpuLoss;
use crate::device::Wait;
use crate::error::Result;
use crate::plan::{Binding, values};

impl GpuLoss {
    /// Waits for what was submitted, and reads f32 numbers from a buffer (or a range of it) with the usage `COPY_SRC`.
    ///
    /// For first programs, tests and logs: it makes a staging buffer each time, and waits.
    ///
    /// ```no_run
    /// # fn example(gpu: &gpu_loss::GpuLoss, grad: &gpu_loss::wgpu::Buffer) -> gpu_loss::Result<()> {
    /// let grad: Vec<f32> = gpu.read_f32(grad)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Buffer`](crate::Error::Buffer) for a range that cannot be read; faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_f32<'a>(&self, buffer: impl Binding<'a>) -> Result<Vec<f32>> {
        pollster::block_on(values(&self.context, "to read", buffer.region(), Wait::Here))
    }

    /// As [`read_f32`](Self::read_f32), without blocking.
    ///
    /// # Errors
    /// As [`read_f32`](Self::read_f32).
    pub async fn read_f32_async<'a>(&self, buffer: impl Binding<'a>) -> Result<Vec<f32>> {
        values(&self.context, "to read", buffer.region(), Wait::Elsewhere).await
    }
}
