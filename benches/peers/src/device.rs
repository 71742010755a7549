//! The device that gpu-loss and the unfused kernels share.

use std::rc::Rc;
use std::time::Instant;

use gpu_loss::{GpuLoss, wgpu};

use crate::batch::Batch;

/// A batch in buffers, and where a step writes.
pub struct Loaded {
    pub gpu: Rc<GpuLoss>,
    pub rows: usize,
    pub classes: usize,
    pub scores: wgpu::Buffer,
    pub labels: wgpu::Buffer,
    pub grad: wgpu::Buffer,
    pub loss: wgpu::Buffer,
}

/// An empty buffer for kernels and copies.
pub fn buffer(gpu: &GpuLoss, label: &'static str, bytes: u64) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes.next_multiple_of(16),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

impl Loaded {
    pub fn new(gpu: &Rc<GpuLoss>, batch: &Batch) -> Self {
        let bytes = batch.scores.len() as u64 * 4;
        let loaded = Loaded {
            gpu: Rc::clone(gpu),
            rows: batch.rows,
            classes: batch.classes,
            scores: buffer(gpu, "scores", bytes),
            labels: buffer(gpu, "labels", batch.labels.len() as u64 * 8),
            grad: buffer(gpu, "gradient", bytes),
            loss: buffer(gpu, "loss", 16),
        };
        gpu.queue().write_buffer(&loaded.scores, 0, bytemuck::cast_slice(&batch.scores));
        gpu.queue().write_buffer(&loaded.labels, 0, bytemuck::cast_slice(&batch.labels));
        gpu.queue().submit([]);
        loaded
    }

    /// Submits what is recorded and waits: milliseconds from the submission until it is done.
    pub fn step(&self, record: impl FnOnce(&mut wgpu::CommandEncoder) -> Result<(), String>) -> Result<f64, String> {
        let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        record(&mut encoder)?;
        let commands = encoder.finish();
        let begin = Instant::now();
        self.gpu.queue().submit([commands]);
        self.wait()?;
        Ok(begin.elapsed().as_secs_f64() * 1e3)
    }

    /// The loss and the gradient that a step left.
    pub fn results(&self) -> Result<(f32, Vec<f32>), String> {
        let loss = self.read(&self.loss, 4)?;
        let grad = self.read(&self.grad, (self.rows * self.classes * 4) as u64)?;
        Ok((loss.first().copied().unwrap_or(f32::NAN), grad))
    }

    fn read(&self, from: &wgpu::Buffer, bytes: u64) -> Result<Vec<f32>, String> {
        let staging = self.gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("results"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(from, 0, &staging, 0, bytes);
        self.gpu.queue().submit([encoder.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.wait()?;
        let view = staging.slice(..).get_mapped_range().map_err(|error| error.to_string())?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }

    fn wait(&self) -> Result<(), String> {
        let waited = self.gpu.device().poll(wgpu::PollType::wait_indefinitely());
        waited.map(drop).map_err(|error| error.to_string())
    }
}

/// The adapter and its driver.
pub fn about(gpu: &GpuLoss) -> String {
    let info = gpu.adapter_info();
    format!("{} ({} {}, {})", info.name, info.driver, info.driver_info, info.backend)
}
