//! How long work takes: by the GPU's own clock where it keeps one, else from submission until all is done.

use std::time::Instant;

use gpu_loss::{Buffers, GpuLoss, Plan, wgpu};

use super::memory::{mapped, reserve, staging, wait};
use super::shader_copy::ShaderCopy;
use crate::failure::Failure;

/// Something to time.
#[derive(Clone, Copy)]
pub(crate) enum Work<'a> {
    Plan(&'a Plan, &'a Buffers<'a>),
    Shader(&'a ShaderCopy),
    Transfer { source: &'a wgpu::Buffer, sink: &'a wgpu::Buffer, bytes: u64 },
}

/// A stopwatch for one device.
pub(crate) struct Timer {
    clock: Option<Clock>,
}

/// Two timestamps of the GPU.
struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    /// Nanoseconds of a tick.
    tick: f64,
    /// Whether copies outside of passes can be timed too: not on Apple's GPUs.
    outside_passes: bool,
}

/// Bytes that the clock is tried on.
const TRIED: u64 = 32 << 20;
/// Work that the clock of the host times lasts this long at least, in ms: repeated until it does.
const LASTING: f64 = 10.0;

impl Timer {
    /// A timer by the GPU's clock, if it has one that can be believed.
    pub(crate) fn new(gpu: &GpuLoss) -> Result<Self, Failure> {
        let features = gpu.device().features();
        if !features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(Timer { clock: None });
        }
        let queries = gpu.device().create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("bench"),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let clock = Clock {
            queries,
            resolved: super::memory::buffer(gpu, "timestamps", 16, usage)?,
            staging: staging(gpu, 16)?,
            tick: f64::from(gpu.queue().get_timestamp_period()),
            outside_passes: features.contains(wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS),
        };
        let timer = Timer { clock: Some(clock) };
        Ok(if timer.is_credible(gpu)? { timer } else { Timer { clock: None } })
    }

    /// Whether the GPU's clock agrees with the host's about a large copy.
    fn is_credible(&self, gpu: &GpuLoss) -> Result<bool, Failure> {
        let [source, sink] = [reserve(gpu, "a trial", TRIED)?, reserve(gpu, "a trial", TRIED)?];
        let copy = ShaderCopy::flat(gpu, &source, &sink, TRIED);
        // The first time, memory is cleared as well.
        self.readings(gpu, &Work::Shader(&copy), 1)?;
        let (wall, by_gpu) = self.readings(gpu, &Work::Shader(&copy), 1)?;
        // A software adapter's copy takes nearly all of the wall time, a GPU's may be a small part of a short one.
        Ok(by_gpu.is_some_and(|ms| ms > 0.0 && ms <= wall && (wall < 5.0 || ms > wall / 20.0)))
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.clock.is_some() { "gpu" } else { "wall" }
    }

    /// Whether this timer can time such work.
    pub(crate) fn takes(&self, work: &Work<'_>) -> bool {
        !matches!(work, Work::Transfer { .. }) || self.clock.as_ref().is_none_or(|clock| clock.outside_passes)
    }

    /// How often short work has to be repeated for a reading.
    pub(crate) fn repeats(&self, ms: f64) -> u32 {
        match self.clock {
            Some(_) => 1,
            None => (LASTING / ms.max(1e-3)).ceil().clamp(1.0, 100.0) as u32,
        }
    }

    /// Milliseconds that the work takes.
    pub(crate) fn time(&self, gpu: &GpuLoss, work: &Work<'_>, repeats: u32) -> Result<f64, Failure> {
        let (wall, by_gpu) = self.readings(gpu, work, repeats)?;
        // Below its tick the clock tells nothing.
        let least = self.clock.as_ref().map_or(1e-6, |clock| clock.tick * 1e-6);
        Ok((by_gpu.unwrap_or(wall) / f64::from(repeats)).max(least))
    }

    /// By the host's clock, and by the GPU's.
    fn readings(&self, gpu: &GpuLoss, work: &Work<'_>, repeats: u32) -> Result<(f64, Option<f64>), Failure> {
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.record(&mut encoder, work, repeats)?;
        if let Some(Clock { queries, resolved, staging, .. }) = &self.clock {
            encoder.resolve_query_set(queries, 0..2, resolved, 0);
            encoder.copy_buffer_to_buffer(resolved, 0, staging, 0, 16);
        }
        let commands = encoder.finish();
        let start = Instant::now();
        gpu.queue().submit([commands]);
        wait(gpu)?;
        let wall = start.elapsed().as_secs_f64() * 1e3;
        let Some(Clock { staging, tick, .. }) = &self.clock else { return Ok((wall, None)) };
        let stamps = mapped(gpu, staging, 16)?;
        let (stamps, _) = stamps.as_chunks::<8>();
        let ticks = u64::from_le_bytes(stamps[1]).saturating_sub(u64::from_le_bytes(stamps[0]));
        let by_gpu = ticks as f64 * tick * 1e-6;
        log::debug!("{repeats} times in {by_gpu:.3} ms by the GPU's clock, {wall:.3} by the host's");
        Ok((wall, Some(by_gpu)))
    }

    fn record(&self, encoder: &mut wgpu::CommandEncoder, work: &Work<'_>, repeats: u32) -> Result<(), Failure> {
        if let Work::Transfer { source, sink, bytes } = work {
            let stamp = |encoder: &mut wgpu::CommandEncoder, index| {
                if let Some(clock) = &self.clock {
                    encoder.write_timestamp(&clock.queries, index);
                }
            };
            stamp(encoder, 0);
            for _ in 0..repeats {
                encoder.copy_buffer_to_buffer(source, 0, sink, 0, *bytes);
            }
            stamp(encoder, 1);
            return Ok(());
        }
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("bench"),
            timestamp_writes: self.clock.as_ref().map(|clock| wgpu::ComputePassTimestampWrites {
                query_set: &clock.queries,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            }),
        });
        for _ in 0..repeats {
            match work {
                Work::Plan(plan, buffers) => {
                    plan.encode_in(&mut pass, buffers).map_err(|error| Failure::library(&error, None))?;
                }
                Work::Shader(copy) => copy.record(&mut pass),
                Work::Transfer { .. } => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::open_with;
    use gpu_loss::builder::AdapterFilter;

    #[test]
    fn without_timestamps_the_host_s_clock_serves_and_repeats_what_is_short() {
        let adapters = GpuLoss::adapters(&AdapterFilter::default());
        assert!(!adapters.is_empty(), "no GPU adapter found: `cargo xtask test` installs a software one");
        for adapter in adapters {
            let (features, limits) = GpuLoss::wanted(&adapter);
            let gpu = open_with(&adapter, features - wgpu::Features::TIMESTAMP_QUERY, limits).unwrap();
            let timer = Timer::new(&gpu).unwrap();
            assert_eq!(timer.name(), "wall");
            assert_eq!([0.0, 0.5, 3.0, 500.0].map(|ms| timer.repeats(ms)), [100, 20, 4, 1]);
            let [source, sink] = [1 << 16, 1 << 16].map(|bytes| reserve(&gpu, "words", bytes).unwrap());
            let work = Work::Transfer { source: &source, sink: &sink, bytes: 1 << 16 };
            assert!(timer.takes(&work) && timer.time(&gpu, &work, 3).unwrap() > 0.0);
        }
    }
}
