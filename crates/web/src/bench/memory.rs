//! Device memory: reserved, filled, read back; nothing waits but as a future.

use futures_intrusive::channel::shared::oneshot_channel;
use gpu_loss::{Error, GpuLoss, Result, wgpu};

/// Makes buffers inside an error scope: what the device lacks memory for is an error here, not one of the page.
pub(super) async fn reserved<T>(gpu: &GpuLoss, make: impl FnOnce() -> T) -> Result<T> {
    let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let made = make();
    match scope.pop().await {
        None => Ok(made),
        Some(_) => Err(Error::OutOfMemory { during: "reserving the buffers of a benchmark" }),
    }
}

/// A buffer for kernels and copies, of whole vectors of words.
pub(super) fn storage(gpu: &GpuLoss, label: &'static str, bytes: u64) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    buffer(gpu, label, bytes.next_multiple_of(16).max(16), usage)
}

/// A buffer that the host can read.
pub(super) fn staging(gpu: &GpuLoss, bytes: u64) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    buffer(gpu, "staging", bytes.next_multiple_of(16).max(16), usage)
}

pub(super) fn buffer(gpu: &GpuLoss, label: &'static str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
    gpu.device().create_buffer(&descriptor)
}

/// Fills the first `bytes` of a buffer with a tile of whole words, over and over.
pub(super) fn fill(gpu: &GpuLoss, buffer: &wgpu::Buffer, bytes: u64, tile: &[u8]) {
    let length = tile.len() as u64;
    let source = storage(gpu, "tile", length);
    gpu.queue().write_buffer(&source, 0, tile);
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    for at in (0..bytes).step_by(tile.len()) {
        encoder.copy_buffer_to_buffer(&source, 0, buffer, at, length.min(bytes - at));
    }
    gpu.queue().submit([encoder.finish()]);
}

/// What a part of a buffer holds once all that was submitted is done.
pub(super) async fn read(gpu: &GpuLoss, buffer: &wgpu::Buffer, offset: u64, bytes: u64) -> Result<Vec<u8>> {
    let staging = staging(gpu, bytes);
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, bytes);
    gpu.queue().submit([encoder.finish()]);
    mapped(&staging, bytes).await
}

/// What a staging buffer holds once all that was submitted is done.
pub(super) async fn mapped(staging: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>> {
    const DURING: &str = "reading a benchmark's results back";
    let failed = |message: String| Error::Device { during: DURING, message };
    let slice = staging.slice(..bytes);
    let (sender, receiver) = oneshot_channel();
    slice.map_async(wgpu::MapMode::Read, move |done| {
        let _ = sender.send(done);
    });
    match receiver.receive().await {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(Error::DeviceLost { reason: format!("mapping failed: {error}") }),
        None => return Err(failed("the mapping was dropped".to_owned())),
    }
    let read = slice.get_mapped_range().map_err(|error| failed(error.to_string()))?.to_vec();
    staging.unmap();
    Ok(read)
}

/// Waits until all that was submitted is done.
pub(super) async fn finished(gpu: &GpuLoss) {
    let (sender, receiver) = oneshot_channel();
    gpu.queue().on_submitted_work_done(move || {
        let _ = sender.send(());
    });
    receiver.receive().await;
}
