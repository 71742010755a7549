//! Device memory: reserved, filled, read back.

use std::time::Duration;

use gpu_loss::{GpuLoss, wgpu};

use crate::failure::Failure;

/// No measurement may take longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A buffer for kernels and copies.
pub(crate) fn reserve(gpu: &GpuLoss, what: &'static str, bytes: u64) -> Result<wgpu::Buffer, Failure> {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    buffer(gpu, what, bytes.next_multiple_of(16).max(16), usage)
}

pub(crate) fn buffer(
    gpu: &GpuLoss,
    what: &'static str,
    size: u64,
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer, Failure> {
    let largest = gpu.device().limits().max_buffer_size;
    let adapter = &gpu.adapter_info().name;
    if size > largest {
        return Err(Failure::usage(format!(
            "{what} take {size} bytes, and a buffer of {adapter} at most {largest}: try fewer --elements"
        )));
    }
    let memory = gpu.device().push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let descriptor = wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation: false };
    let buffer = gpu.device().create_buffer(&descriptor);
    match pollster::block_on(memory.pop()) {
        None => Ok(buffer),
        Some(_) => {
            Err(Failure::device(format!("{adapter} is out of memory: {what} take {size} bytes; try fewer --elements")))
        }
    }
}

/// Refuses what the memory of a software adapter does not hold: those of Mesa end the program where a GPU's driver
/// would report it.
pub(crate) fn check_room(gpu: &GpuLoss, bytes: u64) -> Result<(), Failure> {
    let info = gpu.adapter_info();
    let told = std::fs::read_to_string("/proc/meminfo").ok();
    match told.as_deref().and_then(available) {
        Some(free) if info.device_type == wgpu::DeviceType::Cpu && bytes > free => Err(Failure::device(format!(
            "{} is out of memory: scores and gradients take {bytes} bytes, and {free} are free; try fewer --elements",
            info.name
        ))),
        _ => Ok(()),
    }
}

/// What Linux says is free, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Fills a buffer with a tile, over and over.
pub(crate) fn fill(gpu: &GpuLoss, buffer: &wgpu::Buffer, tile: &[u8]) -> Result<(), Failure> {
    let mut padded = tile.to_vec();
    padded.resize(tile.len().next_multiple_of(4), 0);
    let length = padded.len() as u64;
    let source = reserve(gpu, "a tile", length)?;
    gpu.queue().write_buffer(&source, 0, &padded);
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    for at in (0..buffer.size()).step_by(padded.len().max(4)) {
        encoder.copy_buffer_to_buffer(&source, 0, buffer, at, length.min(buffer.size() - at));
    }
    gpu.queue().submit([encoder.finish()]);
    wait(gpu)
}

/// A buffer that holds these bytes.
pub(crate) fn upload(gpu: &GpuLoss, what: &'static str, bytes: &[u8]) -> Result<wgpu::Buffer, Failure> {
    let buffer = reserve(gpu, what, bytes.len() as u64)?;
    gpu.queue().write_buffer(&buffer, 0, bytes);
    Ok(buffer)
}

/// Reads a part of a buffer, through a staging buffer of at least its size.
pub(crate) fn read(
    gpu: &GpuLoss,
    buffer: &wgpu::Buffer,
    offset: u64,
    staging: &wgpu::Buffer,
    bytes: u64,
) -> Result<Vec<u8>, Failure> {
    let size = bytes.next_multiple_of(4);
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(buffer, offset, staging, 0, size);
    gpu.queue().submit([encoder.finish()]);
    let mut read = mapped(gpu, staging, size)?;
    read.truncate(bytes as usize);
    Ok(read)
}

/// A buffer that results are read from.
pub(crate) fn staging(gpu: &GpuLoss, bytes: u64) -> Result<wgpu::Buffer, Failure> {
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    buffer(gpu, "results", bytes.next_multiple_of(16).max(16), usage)
}

/// What a staging buffer holds, once all that was submitted is done.
pub(crate) fn mapped(gpu: &GpuLoss, staging: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>, Failure> {
    let slice = staging.slice(..bytes);
    slice.map_async(wgpu::MapMode::Read, |_| {});
    wait(gpu)?;
    let view = slice.get_mapped_range().map_err(|error| Failure::device(format!("reading results back: {error}")))?;
    let read = view.to_vec();
    drop(view);
    staging.unmap();
    Ok(read)
}

/// Waits until all that was submitted is done.
pub(crate) fn wait(gpu: &GpuLoss) -> Result<(), Failure> {
    let poll = wgpu::PollType::Wait { submission_index: None, timeout: Some(LIMIT) };
    match gpu.device().poll(poll) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::device(format!("{}: {error}", gpu.adapter_info().name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_batch_is_loaded_that_memory_does_not_hold() {
        assert_eq!(available("MemTotal:       100 kB\nMemAvailable:       40 kB\n"), Some(40 << 10));
        assert_eq!(available("MemTotal: 100 kB\n"), None);
        let gpu = GpuLoss::new().unwrap();
        check_room(&gpu, 1).unwrap();
        if cfg!(target_os = "linux") && gpu.adapter_info().device_type == wgpu::DeviceType::Cpu {
            let told = check_room(&gpu, 1 << 60).unwrap_err();
            assert_eq!(told.exit, crate::failure::Exit::Device);
        }
    }
}
