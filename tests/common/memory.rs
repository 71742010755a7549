//! Device memory: arrays side by side in one buffer, poison where nothing was written, and what is read back.

use std::collections::HashMap;

use gpu_loss::{Buffers, GpuLoss, wgpu};

/// Fills what nothing was written to.
pub const POISON: u8 = 0xcb;

/// Arrays side by side in what becomes one buffer.
#[derive(Default)]
pub struct Arena {
    bytes: Vec<u8>,
    ranges: HashMap<String, (u64, u64)>,
}

impl Arena {
    pub fn put(&mut self, name: &str, bytes: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(256), POISON);
        self.ranges.insert(name.to_owned(), (self.bytes.len() as u64, bytes.len() as u64));
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(16), POISON);
    }

    /// Room for results, poisoned.
    pub fn room(&mut self, name: &str, bytes: u64) {
        self.put(name, &vec![POISON; bytes as usize]);
    }

    pub fn upload(&self, gpu: &GpuLoss) -> wgpu::Buffer {
        let buffer = buffer(gpu, self.bytes.len() as u64);
        gpu.queue().write_buffer(&buffer, 0, &self.bytes);
        buffer
    }

    /// Its range, with the room up to whole 16 bytes; class indices to the byte.
    pub fn slice<'a>(&self, buffer: &'a wgpu::Buffer, name: &str) -> Option<wgpu::BufferBinding<'a>> {
        let (offset, size) = *self.ranges.get(name)?;
        let size = if name == "target_indices" { size } else { size.next_multiple_of(16) };
        Some(range(buffer, offset, size))
    }

    pub fn slices<'a>(&self, buffer: &'a wgpu::Buffer, suffix: &str) -> Buffers<'a> {
        let own = |name: &str| self.slice(buffer, &format!("{name}{suffix}")).or_else(|| self.slice(buffer, name));
        Buffers::new(own("scores"), own("targets"))
            .target_indices(own("target_indices"))
            .element_weights(own("element_weights"))
            .upstream(own("upstream"))
            .entropy_upstream(own("entropy_upstream"))
            .denominator(own("denominator"))
            .shards(own("shards"))
            .grad(own("grad"))
            .loss(own("loss"))
            .losses(own("losses"))
            .lse(own("lse"))
            .argmax(own("argmax"))
            .log_prob(own("log_prob"))
            .entropy(own("entropy"))
            .rank(own("rank"))
            .grad_class_bias(own("grad_class_bias"))
            .statistics(own("statistics"))
    }

    pub fn read<'a>(&self, bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let (offset, size) = *self.ranges.get(name)?;
        Some(&bytes[offset as usize..(offset + size) as usize])
    }
}

/// A buffer for kernels and copies.
pub fn buffer(gpu: &GpuLoss, size: u64) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Bytes of a buffer from an offset on.
pub fn range(buffer: &wgpu::Buffer, offset: u64, size: u64) -> wgpu::BufferBinding<'_> {
    wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(size) }
}

/// All bytes of a buffer, once the queue is through.
pub fn download(gpu: &GpuLoss, buffer: &wgpu::Buffer) -> Vec<u8> {
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: buffer.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
    gpu.queue().submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |result| result.expect("mapped"));
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
    let bytes = staging.slice(..).get_mapped_range().expect("a range").to_vec();
    staging.unmap();
    bytes
}
