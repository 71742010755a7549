//! How long work takes: by the GPU's own clock where it keeps one, else from submission until all is done.

use gpu_loss::{Buffers, GpuLoss, Plan, Result, wgpu};
use wasm_bindgen::prelude::wasm_bindgen;

use super::copy::ShaderCopy;
use super::memory::{buffer, finished, mapped, reserved, staging, storage};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the page began.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(super) fn milliseconds() -> f64;
}

/// Something to time.
#[derive(Clone, Copy)]
pub(super) enum Work<'a> {
    Plan(&'a Plan, &'a Buffers<'a>),
    Shader(&'a ShaderCopy),
    Transfer { source: &'a wgpu::Buffer, sink: &'a wgpu::Buffer, bytes: u64 },
}

/// A stopwatch for one device.
pub(super) struct Timer {
    clock: Option<Clock>,
}

/// Two timestamps of the GPU, in nanoseconds, at both ends of a pass.
struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
}

/// Work is repeated until a reading lasts this long, in ms: browsers round both clocks, to 0.1 ms.
const LASTING: f64 = 10.0;
/// Bytes that the clock is tried on.
const TRIED: u64 = 16 << 20;

impl Timer {
    /// A timer by the GPU's clock, if it has one that can be believed.
    pub(super) async fn new(gpu: &GpuLoss) -> Result<Self> {
        if !gpu.device().features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(Timer { clock: None });
        }
        let queries = gpu.device().create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("bench"),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let clock = Clock { queries, resolved: buffer(gpu, "timestamps", 16, usage), staging: staging(gpu, 16) };
        let timer = Timer { clock: Some(clock) };
        Ok(if timer.is_credible(gpu).await? { timer } else { Timer { clock: None } })
    }

    /// Whether the GPU's clock agrees with the page's about some copies.
    async fn is_credible(&self, gpu: &GpuLoss) -> Result<bool> {
        let [source, sink] = reserved(gpu, || ["source", "sink"].map(|label| storage(gpu, label, TRIED))).await?;
        let copy = ShaderCopy::flat(gpu, &source, &sink, TRIED);
        // The first time, memory is cleared as well.
        let (first, _) = self.readings(gpu, &Work::Shader(&copy), 1).await?;
        let (wall, by_gpu) = self.readings(gpu, &Work::Shader(&copy), self.repeats(first)).await?;
        Ok(by_gpu.is_some_and(|ms| ms > wall / 20.0 && ms <= wall + 0.2))
    }

    pub(super) fn name(&self) -> &'static str {
        if self.clock.is_some() { "gpu" } else { "wall" }
    }

    /// Whether this timer can time such work: the GPU's clock times passes only.
    pub(super) fn takes(&self, work: &Work<'_>) -> bool {
        !matches!(work, Work::Transfer { .. }) || self.clock.is_none()
    }

    /// How often work that takes so long has to be repeated for a reading.
    pub(super) fn repeats(&self, ms: f64) -> u32 {
        (LASTING / ms.max(1e-3)).ceil().clamp(1.0, 1000.0) as u32
    }

    /// Milliseconds that the work takes.
    pub(super) async fn time(&self, gpu: &GpuLoss, work: &Work<'_>, repeats: u32) -> Result<f64> {
        let (wall, by_gpu) = self.readings(gpu, work, repeats).await?;
        // What is shorter than the clocks tell apart took some time nevertheless.
        Ok((by_gpu.unwrap_or(wall) / f64::from(repeats)).max(1e-4))
    }

    /// By the page's clock, and by the GPU's.
    async fn readings(&self, gpu: &GpuLoss, work: &Work<'_>, repeats: u32) -> Result<(f64, Option<f64>)> {
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.record(&mut encoder, work, repeats)?;
        if let Some(Clock { queries, resolved, staging }) = &self.clock {
            encoder.resolve_query_set(queries, 0..2, resolved, 0);
            encoder.copy_buffer_to_buffer(resolved, 0, staging, 0, 16);
        }
        let commands = encoder.finish();
        finished(gpu).await;
        let start = milliseconds();
        gpu.queue().submit([commands]);
        finished(gpu).await;
        let wall = milliseconds() - start;
        let Some(Clock { staging, .. }) = &self.clock else { return Ok((wall, None)) };
        let stamps = mapped(staging, 16).await?;
        let (stamps, _) = stamps.as_chunks::<8>();
        let ticks = u64::from_le_bytes(stamps[1]).saturating_sub(u64::from_le_bytes(stamps[0]));
        Ok((wall, Some(ticks as f64 * f64::from(gpu.queue().get_timestamp_period()) * 1e-6)))
    }

    fn record(&self, encoder: &mut wgpu::CommandEncoder, work: &Work<'_>, repeats: u32) -> Result<()> {
        if let Work::Transfer { source, sink, bytes } = work {
            for _ in 0..repeats {
                encoder.copy_buffer_to_buffer(source, 0, sink, 0, *bytes);
            }
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
                Work::Plan(plan, buffers) => plan.encode_in(&mut pass, buffers)?,
                Work::Shader(copy) => copy.record(&mut pass),
                Work::Transfer { .. } => {}
            }
        }
        Ok(())
    }
}
