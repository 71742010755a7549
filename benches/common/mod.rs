//! What benchmarks over device buffers share: numbers, buffers, and a step of a plan.

use gpu_loss::{Buffers, GpuLoss, Plan, wgpu};

/// Numbers in [0, 1), the same in every run (Marsaglia's xorshift).
pub(crate) fn random() -> impl FnMut() -> f32 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    }
}

/// A buffer of these bytes.
pub(crate) fn buffer(gpu: &GpuLoss, bytes: &[u8]) -> wgpu::Buffer {
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: (bytes.len() as u64).next_multiple_of(16).max(16),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&buffer, 0, bytes);
    buffer
}

/// So many elements of a buffer, from its beginning.
pub(crate) fn read<T: bytemuck::AnyBitPattern>(gpu: &GpuLoss, from: &wgpu::Buffer, count: usize) -> Vec<T> {
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: from.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(from, 0, &staging, 0, from.size());
    gpu.queue().submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
    let bytes = staging.slice(..).get_mapped_range().expect("mapped");
    bytes.chunks_exact(size_of::<T>()).take(count).map(bytemuck::pod_read_unaligned).collect()
}

/// One step of a plan, recorded.
pub(crate) fn commands(gpu: &GpuLoss, plan: &Plan, buffers: &Buffers<'_>) -> wgpu::CommandBuffer {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    plan.encode(&mut encoder, buffers).expect("a step");
    encoder.finish()
}

/// What was recorded, from its submission until it is done.
pub(crate) fn step(gpu: &GpuLoss, commands: wgpu::CommandBuffer) {
    gpu.queue().submit([commands]);
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
}
