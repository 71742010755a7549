//! What went wrong while a linear plan ran.

use super::plan::LinearPlan;
use super::slot::Slot;
use crate::device::{Wait, guarded, read};
use crate::error::{Error, Result};
use crate::plan::{STATUS_BYTES, Status};

impl LinearPlan {
    /// Waits for the plan's work and tells what went wrong in it since the last reading: labels out of range. Returns the
    /// number of correct rows of the last run (0 unless [`LinearLayout::correct`](LinearLayout::correct)).
    ///
    /// It reads the plan's own status: not that of encodings into [`LinearBuffers::status`](super::LinearBuffers::status).
    ///
    /// # Errors
    /// [`Error::TargetRow`] with the first row and how many; faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_status(&self) -> Result<u64> {
        pollster::block_on(self.status_after(Wait::Here))
    }

    /// As [`read_status`](Self::read_status), without blocking.
    ///
    /// # Errors
    /// As [`read_status`](Self::read_status).
    pub async fn read_status_async(&self) -> Result<u64> {
        self.status_after(Wait::Elsewhere).await
    }

    async fn status_after(&self, wait: Wait) -> Result<u64> {
        let context = &self.context;
        let own = self.own(Slot::Status)?;
        let (staging, submission) = guarded(context, "reading a plan's status", || {
            let staging = context.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("gpu-loss status staging"),
                size: STATUS_BYTES,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(own, 0, &staging, 0, STATUS_BYTES);
            encoder.clear_buffer(own, 0, None);
            (staging, context.queue.submit([encoder.finish()]))
        })
        .await?;
        let status: Status =
            read(context, &staging, STATUS_BYTES, submission, wait, bytemuck::pod_read_unaligned).await?;
        match status.first_bad_row() {
            None => Ok(u64::from(status.correct_rows)),
            Some(row) => Err(Error::TargetRow {
                row: u64::from(row),
                problem: format!("the class is outside 0..{}", self.layout.vocabulary),
                count: u64::from(status.bad_rows),
            }),
        }
    }
}
