//! Between device and host: statistics out through two mapped buffers, records in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::plan::Chunk;
use crate::record::{RECORD_BYTES, Record};

const READING: &str = "bringing row statistics to the host";

const PENDING: u8 = 0;
const MAPPED: u8 = 1;
const FAILED: u8 = 2;

/// The buffers of a shard's exchange.
#[derive(Debug)]
pub(crate) struct Staging {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// This shard's statistics.
    pub(crate) own: wgpu::Buffer,
    /// Those of all shards, one after another.
    pub(crate) shards: wgpu::Buffer,
    /// Those of whole rows.
    pub(crate) merged: wgpu::Buffer,
    /// One chunk is on its way through each.
    slots: [Slot; 2],
    rows: usize,
}

#[derive(Debug)]
struct Slot {
    buffer: wgpu::Buffer,
    outcome: Arc<AtomicU8>,
    submission: Option<wgpu::SubmissionIndex>,
    busy: bool,
}

impl Staging {
    pub(crate) fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        rows: usize,
        chunk: usize,
        shards: usize,
    ) -> Result<Self> {
        let (device, queue) = (device.clone(), queue.clone());
        guarded(&device, "reserving the buffers of an exchange", || {
            let buffer = |label, rows: usize, usage| {
                let size = (rows.max(1) * RECORD_BYTES) as u64;
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size,
                    usage,
                    mapped_at_creation: false,
                })
            };
            let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
            let slot = || Slot {
                buffer: buffer(
                    "gpu-loss-mpi staging",
                    chunk,
                    wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                ),
                outcome: Arc::default(),
                submission: None,
                busy: false,
            };
            Staging {
                own: buffer("gpu-loss-mpi statistics", rows, storage),
                shards: buffer("gpu-loss-mpi shards", rows * shards, storage),
                merged: buffer("gpu-loss-mpi merged", rows, storage),
                slots: [slot(), slot()],
                rows,
                device: device.clone(),
                queue: queue.clone(),
            }
        })
    }

    /// Submits what makes a chunk's statistics, their copy, and the mapping of it.
    pub(crate) fn depart(
        &mut self,
        index: usize,
        chunk: &Chunk,
        encode: impl FnOnce(&mut wgpu::CommandEncoder, &wgpu::Buffer) -> Result<()>,
    ) -> Result<()> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encode(&mut encoder, &self.own)?;
        let (from, bytes) = ((chunk.first_row * RECORD_BYTES) as u64, (chunk.rows * RECORD_BYTES) as u64);
        let slot = &mut self.slots[index % 2];
        let outcome = Arc::new(AtomicU8::new(PENDING));
        slot.outcome = Arc::clone(&outcome);
        slot.submission = guarded(&self.device, READING, || {
            encoder.copy_buffer_to_buffer(&self.own, from, &slot.buffer, 0, bytes);
            let submission = self.queue.submit([encoder.finish()]);
            slot.buffer.slice(..bytes).map_async(wgpu::MapMode::Read, move |mapped| {
                outcome.store(if mapped.is_ok() { MAPPED } else { FAILED }, Ordering::Release);
            });
            Some(submission)
        })?;
        slot.busy = true;
        Ok(())
    }

    /// Waits for a chunk and copies its records out.
    pub(crate) fn arrive(&mut self, index: usize, limit: Duration, records: &mut [Record]) -> Result<()> {
        let begin = Instant::now();
        let slot = &mut self.slots[index % 2];
        while slot.outcome.load(Ordering::Acquire) == PENDING {
            let left = limit.saturating_sub(begin.elapsed()).min(Duration::from_millis(100));
            // For this chunk alone: the next one is under way.
            let wait = wgpu::PollType::Wait { submission_index: slot.submission.clone(), timeout: Some(left) };
            match self.device.poll(wait) {
                Ok(_) | Err(wgpu::PollError::Timeout) => {}
                Err(error) => return Err(Error::Device { during: READING, message: error.to_string() }),
            }
            if begin.elapsed() > limit {
                return Err(Error::Timeout { during: READING, limit });
            }
        }
        let device = |message: String| Error::Device { during: READING, message };
        if slot.outcome.load(Ordering::Acquire) == FAILED {
            slot.busy = false;
            return Err(device("the statistics could not be mapped: the device is lost, or out of memory".to_owned()));
        }
        let bytes = size_of_val(records) as u64;
        {
            let view = slot.buffer.slice(..bytes).get_mapped_range().map_err(|error| device(error.to_string()))?;
            bytemuck::cast_slice_mut::<Record, u8>(records).copy_from_slice(&view);
        }
        slot.buffer.unmap();
        slot.busy = false;
        Ok(())
    }

    /// Sees to the device for a moment.
    pub(crate) fn poll(&self) {
        // What fails here shows when a chunk is waited for.
        let _ = self.device.poll(wgpu::PollType::Poll);
    }

    /// Lets go of what is under way.
    pub(crate) fn cancel(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.busy) {
            slot.buffer.unmap();
            slot.busy = false;
        }
    }

    /// Writes a chunk's records of all shards to their places.
    pub(crate) fn place(&self, chunk: &Chunk, all: &[Record]) {
        for (shard, records) in all.chunks_exact(chunk.rows.max(1)).enumerate() {
            let at = (shard * self.rows + chunk.first_row) * RECORD_BYTES;
            self.queue.write_buffer(&self.shards, at as u64, bytemuck::cast_slice(records));
        }
    }

    /// A new encoder.
    pub(crate) fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Submits what an encoder holds.
    pub(crate) fn submit(&self, encoder: wgpu::CommandEncoder) -> Result<()> {
        guarded(&self.device, "submitting a merge", || self.queue.submit([encoder.finish()])).map(|_| ())
    }
}

/// Does something with the device whose faults become errors.
pub(crate) fn guarded<T>(device: &wgpu::Device, during: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let value = work();
    let reported = [validation.pop(), internal.pop(), memory.pop()].map(pollster::block_on);
    match reported.into_iter().flatten().next() {
        Some(error) => Err(Error::Device { during, message: error.to_string() }),
        None => Ok(value),
    }
}
