//! The best copy of some bytes that an adapter has to offer: what every figure is held against.

use gpu_loss::{GpuLoss, wgpu};

use super::shader_copy::{ShaderCopy, Walk};
use super::timer::{Timer, Work};
use crate::failure::Failure;

/// A copy that was chosen, of so many bytes.
pub(crate) struct BestCopy {
    shader: Option<ShaderCopy>,
    bytes: u64,
}

/// The fastest copies that were found.
pub(crate) struct Copies {
    pub(crate) best: BestCopy,
    /// The fastest by a kernel, where another way is faster still: what no loss can beat, since it is a kernel too.
    pub(crate) shader: Option<BestCopy>,
}

impl Copies {
    /// Tries every way to copy. `row_bytes` is what a loss has in a row: one of the ways walks as it does.
    pub(crate) fn find(
        gpu: &GpuLoss,
        timer: &Timer,
        [source, sink]: [&wgpu::Buffer; 2],
        bytes: u64,
        row_bytes: u64,
    ) -> Result<Self, Failure> {
        let walks = walks(gpu, row_bytes).into_iter();
        let shaders =
            walks.map(|walk| BestCopy { shader: Some(ShaderCopy::new(gpu, source, sink, bytes, walk)), bytes });
        let transfer = BestCopy { shader: None, bytes };
        let shader = BestCopy::fastest(gpu, timer, [source, sink], shaders.collect())?;
        let transfer = BestCopy::fastest(gpu, timer, [source, sink], vec![transfer])?;
        match (shader, transfer) {
            (Some((by_shader, shader)), Some((ms, best))) if ms < by_shader => {
                Ok(Copies { best, shader: Some(shader) })
            }
            (Some((_, best)), _) | (None, Some((_, best))) => Ok(Copies { best, shader: None }),
            (None, None) => Err(Failure::device("no copy can be timed")),
        }
    }
}

impl BestCopy {
    /// The fastest of some ways, with its ms; none where the timer takes none of them.
    fn fastest(
        gpu: &GpuLoss,
        timer: &Timer,
        [source, sink]: [&wgpu::Buffer; 2],
        ways: Vec<BestCopy>,
    ) -> Result<Option<(f64, BestCopy)>, Failure> {
        const TRIALS: u32 = 3;
        let mut best: Option<(f64, BestCopy)> = None;
        for way in ways {
            let work = way.work(source, sink);
            if !timer.takes(&work) {
                continue;
            }
            // The first time warms up; a way that is far behind is not tried again.
            let mut ms = timer.time(gpu, &work, 1)?;
            if best.as_ref().is_none_or(|(least, _)| ms < 3.0 * least) {
                let repeats = timer.repeats(ms);
                ms = f64::INFINITY;
                for _ in 0..TRIALS {
                    ms = ms.min(timer.time(gpu, &work, repeats)?);
                }
            }
            if best.as_ref().is_none_or(|(least, _)| ms < *least) {
                best = Some((ms, way));
            }
        }
        if let Some((ms, copy)) = &best {
            let walk = copy.shader.as_ref().map(|shader| shader.walk);
            log::debug!("best copy of {} bytes: {walk:?}, {ms:.3} ms", copy.bytes);
        }
        Ok(best)
    }

    pub(crate) fn work<'a>(&'a self, source: &'a wgpu::Buffer, sink: &'a wgpu::Buffer) -> Work<'a> {
        match &self.shader {
            Some(shader) => Work::Shader(shader),
            None => Work::Transfer { source, sink, bytes: self.bytes },
        }
    }

    /// Bytes that it moves: in and out.
    pub(crate) fn moved(&self) -> u64 {
        2 * self.bytes
    }
}

/// The ways to try: one vector a thread, and runs as long as a row, or of 4 KiB, by a thread or a subgroup's worth.
fn walks(gpu: &GpuLoss, row_bytes: u64) -> Vec<Walk> {
    let info = gpu.adapter_info();
    let software = info.device_type == wgpu::DeviceType::Cpu;
    // Few invocations a workgroup keep all cores of a software adapter busy.
    let group = if software { 16 } else { 256 };
    let subgroups = gpu.device().features().contains(wgpu::Features::SUBGROUP);
    let lanes = if subgroups { info.subgroup_max_size.min(group) } else { group.min(32) };
    // Mesa's software adapters end a loop after 65,535 turns.
    let row = (row_bytes / 16).clamp(1, 1 << 14) as u32;
    let mut walks = vec![Walk { group: 256, lanes: 1, run: 1 }, Walk { group: 64, lanes: 1, run: 1 }];
    for run in [row, 256] {
        for lanes in [1, lanes] {
            let walk = Walk { group, lanes, run };
            if run > lanes && !walks.contains(&walk) {
                walks.push(walk);
            }
        }
    }
    walks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::memory::{fill, read, reserve, staging, upload};
    use crate::bench::open_with;
    use gpu_loss::builder::AdapterFilter;

    #[test]
    fn every_walk_copies_every_word_in_pieces_too() {
        let adapters = GpuLoss::adapters(&AdapterFilter::default());
        assert!(!adapters.is_empty(), "no GPU adapter found: `cargo xtask test` installs a software one");
        for adapter in adapters {
            let (features, mut limits) = GpuLoss::wanted(&adapter);
            limits.max_storage_buffer_binding_size = 1 << 16;
            let gpu = open_with(&adapter, features, limits).unwrap();
            // More than two bindings, and no whole number of runs.
            let bytes = (2 << 16) + 16 * 77;
            let words: Vec<u8> =
                (0..bytes as u32 / 4).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
            let source = upload(&gpu, "words", &words).unwrap();
            let (sink, back) = (reserve(&gpu, "a sink", bytes).unwrap(), staging(&gpu, bytes).unwrap());
            let timer = Timer::new(&gpu).unwrap();
            for row_bytes in [40, 1000, 4096 * 4, 1 << 24] {
                for walk in walks(&gpu, row_bytes) {
                    fill(&gpu, &sink, &[0xcb; 16]).unwrap();
                    let copy = ShaderCopy::new(&gpu, &source, &sink, bytes, walk);
                    assert!(timer.time(&gpu, &Work::Shader(&copy), 1).unwrap() > 0.0);
                    assert!(read(&gpu, &sink, 0, &back, bytes).unwrap() == words, "{walk:?}");
                }
                let Copies { best, shader } = Copies::find(&gpu, &timer, [&source, &sink], bytes, row_bytes).unwrap();
                assert_eq!(best.moved(), 2 * bytes);
                // Whichever is the best, a kernel's copy is told.
                let mut by_shader = [Some(best), shader].into_iter().flatten().filter(|copy| copy.shader.is_some());
                assert!(by_shader.next().is_some() && by_shader.next().is_none());
            }
        }
    }
}
