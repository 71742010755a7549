//! Results read back from the caller's buffers, for those that have no mapping code of their own.

use super::resolve::problem;
use super::{Binding, Plan, Region};
use crate::device::{Context, Wait, guarded, read};
use crate::error::Result;

/// The values in a range of one of the caller's buffers, once all that was submitted before is done.
pub(crate) async fn values<E: bytemuck::Pod>(
    context: &Context,
    what: &'static str,
    region: Option<Region<'_>>,
    wait: Wait,
) -> Result<Vec<E>> {
    let region = region.ok_or_else(|| problem(what, "missing: there is nothing to read".to_owned()))?;
    let size = region.bytes().map_err(|text| problem(what, text))?;
    let usage = region.buffer.usage();
    if !usage.contains(wgpu::BufferUsages::COPY_SRC) {
        return Err(problem(what, format!("its usage is {usage:?}, expected COPY_SRC among it to read it back")));
    }
    if !region.offset.is_multiple_of(4) || !size.is_multiple_of(4) {
        let text = format!("{size} bytes from offset {} are no whole 32-bit numbers", region.offset);
        return Err(problem(what, text));
    }
    if size == 0 {
        return Ok(Vec::new());
    }
    let (staging, submission) = guarded(context, "reading a buffer", || {
        let staging = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu-loss staging of a reading"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(region.buffer, region.offset, &staging, 0, size);
        (staging, context.queue.submit([encoder.finish()]))
    })
    .await?;
    read(context, &staging, size, submission, wait, bytemuck::pod_collect_to_vec).await
}

impl Plan {
    /// Waits for what was submitted, and reads the reduced loss from the buffer that the plan wrote it to (with the usage
    /// `COPY_SRC`).
    ///
    /// # Errors
    /// What [`read_status`](Self::read_status) tells of; [`Error::Buffer`](crate::Error::Buffer) for a buffer that
    /// cannot be read or has no 4 bytes; faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_loss<'a>(&self, loss: impl Binding<'a>) -> Result<f32> {
        pollster::block_on(self.loss_after(loss.region(), Wait::Here))
    }

    /// As [`read_loss`](Self::read_loss), without blocking.
    ///
    /// # Errors
    /// As [`read_loss`](Self::read_loss).
    pub async fn read_loss_async<'a>(&self, loss: impl Binding<'a>) -> Result<f32> {
        self.loss_after(loss.region(), Wait::Elsewhere).await
    }

    async fn loss_after(&self, loss: Option<Region<'_>>, wait: Wait) -> Result<f32> {
        self.status_after(wait).await?;
        let first = loss.map(|region| match region.bytes() {
            Ok(4..) => Region::new(region.buffer, region.offset, 4),
            _ => region,
        });
        let values: Vec<f32> = values(&self.context, "loss", first, wait).await?;
        values.first().copied().ok_or_else(|| problem("loss", "0 bytes given, 4 needed".to_owned()))
    }
}
