//! A case on the device: a tile of random rows, repeated over its buffers, and the check of what its plan computes.

use gpu_loss::batch::{Element, bf16, f16};
use gpu_loss::layout::STATISTICS_BYTES;
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Buffers, Dtype, Error, GpuLoss, Layout, Output, Plan, Result, Shape, wgpu};

use super::cases::{Case, Mode};
use super::memory::{fill, read, reserved, storage};
use super::tile::{Tile, tile_n};

/// A batch in buffers.
pub(super) struct Loaded {
    /// Its `n` made a multiple of the tile's.
    pub(super) case: Case,
    /// Scores, and behind them whatever else a copy of as many bytes reads.
    pub(super) scores: wgpu::Buffer,
    /// Where the gradient goes, and the copy.
    pub(super) sink: wgpu::Buffer,
    targets: wgpu::Buffer,
    statistics: wgpu::Buffer,
    loss: wgpu::Buffer,
    tile_n: usize,
    /// What the tile comes to as a part of the batch.
    expected: Reference,
    /// The least that must move: scores once in, gradient once out, targets, the loss.
    pub(super) bytes: u64,
}

impl Loaded {
    pub(super) async fn new(gpu: &GpuLoss, case: &Case) -> Result<Self> {
        let tile_n = tile_n(case);
        let case = Case { shape: Shape { n: case.shape.n.next_multiple_of(tile_n), ..case.shape }, ..*case };
        let tile = Tile::new(&case, tile_n)?;

        let targets_bytes = case.shape.n as u64 * case.target_bytes();
        let grad_bytes = if case.mode == Mode::Loss { 0 } else { case.score_bytes() };
        let loss_bytes = if case.mode == Mode::Grad { 0 } else { 4 };
        let bytes = case.score_bytes() + grad_bytes + targets_bytes + loss_bytes;
        let copied = half(bytes);
        let statistics = if case.mode == Mode::Grad { case.shape.rows() as u64 * STATISTICS_BYTES } else { 0 };
        let [scores, sink, targets, statistics, loss] = reserved(gpu, || {
            [
                storage(gpu, "scores", case.score_bytes().max(copied)),
                storage(gpu, "gradients", grad_bytes.max(copied)),
                storage(gpu, "targets", targets_bytes),
                storage(gpu, "row statistics", statistics),
                storage(gpu, "loss", 16),
            ]
        })
        .await?;
        fill(gpu, &scores, case.score_bytes(), &tile.scores);
        fill(gpu, &targets, targets_bytes, &tile.targets);
        let loaded = Loaded { case, scores, sink, targets, statistics, loss, tile_n, expected: tile.expected, bytes };
        if case.mode == Mode::Grad {
            let layout = Layout::forward(case.shape, case.dtype).targets(case.form).with_statistics();
            let scores = from_start(&loaded.scores, case.score_bytes().next_multiple_of(16));
            let forward = Buffers::new(scores, &loaded.targets).loss(&loaded.loss).statistics(&loaded.statistics);
            gpu.plan_async(&case.spec(), &layout).await?.submit(&forward).await?;
        }
        Ok(loaded)
    }

    /// Bytes of a copy that moves as much: half of it in, half out.
    pub(super) fn copied(&self) -> u64 {
        half(self.bytes)
    }

    pub(super) async fn plan(&self, gpu: &GpuLoss) -> Result<Plan> {
        let Case { shape, dtype, form, mode, .. } = self.case;
        let layout = match mode {
            Mode::Loss => Layout::forward(shape, dtype),
            Mode::LossAndGrad => Layout::forward_backward(shape, dtype),
            Mode::Grad => Layout::backward(shape, dtype),
        };
        let layout = layout.targets(form);
        gpu.plan_async(&self.case.spec(), &layout).await
    }

    pub(super) fn buffers(&self) -> Buffers<'_> {
        let bytes = self.case.score_bytes().next_multiple_of(16);
        let buffers = Buffers::new(from_start(&self.scores, bytes), &self.targets);
        match self.case.mode {
            Mode::Loss => buffers.loss(&self.loss),
            Mode::LossAndGrad => buffers.loss(&self.loss).grad(from_start(&self.sink, bytes)),
            Mode::Grad => buffers.grad(from_start(&self.sink, bytes)).statistics(&self.statistics),
        }
    }

    /// Runs a plan once and holds the gradient of the first and the last tile, and the loss, against the reference.
    pub(super) async fn check(&self, gpu: &GpuLoss, plan: &Plan) -> Result<()> {
        // No gradient, and no loss: what is not written shows.
        fill(gpu, &self.sink, self.sink.size(), &[0xff; 1024]);
        gpu.queue().write_buffer(&self.loss, 0, &[0xff; 16]);
        plan.submit(&self.buffers()).await?;
        plan.read_status_async().await?;
        let tiles = self.case.shape.n / self.tile_n;
        let loss = match self.case.mode {
            Mode::Grad => (self.expected.loss * tiles as f64) as f32,
            _ => numbers(&read(gpu, &self.loss, 0, 4).await?, f32::from_le_bytes).iter().sum(),
        };
        let tile_bytes = self.tile_n as u64 * self.case.n_bytes();
        for tile in [0, tiles - 1] {
            let grad = match self.case.mode {
                Mode::Loss => Vec::new(),
                _ => read(gpu, &self.sink, tile as u64 * tile_bytes, tile_bytes).await?,
            };
            let share = match self.case.dtype {
                Dtype::F32 => self.share(tiles, loss, numbers(&grad, f32::from_le_bytes)),
                Dtype::F16 => self.share(tiles, loss, numbers(&grad, f16::from_le_bytes)),
                Dtype::Bf16 => self.share(tiles, loss, numbers(&grad, bf16::from_le_bytes)),
            };
            if share > 1.0 {
                let strategy = plan.strategy().name();
                let message = format!("{} by {strategy} is {share:.1} times the promised error off", self.case);
                return Err(Error::Device { during: "checking what is measured", message });
            }
        }
        Ok(())
    }

    /// The error as a share of what is promised.
    fn share<T: Element>(&self, tiles: usize, loss: f32, grad: Vec<T>) -> f64 {
        let mut output = Output::new(loss);
        output.grad = Some(ndarray::Array1::from_vec(grad));
        let expected = Reference { loss: self.expected.loss * tiles as f64, ..self.expected.clone() };
        reference::compare(&output, &expected).worst()
    }
}

/// Half of some bytes, in whole vectors of words.
fn half(bytes: u64) -> u64 {
    (bytes / 2).next_multiple_of(16)
}

/// Little-endian numbers.
fn numbers<T, const SIZE: usize>(bytes: &[u8], read: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks::<SIZE>().0.iter().map(|number| read(*number)).collect()
}

/// The first bytes of a buffer.
fn from_start(buffer: &wgpu::Buffer, bytes: u64) -> wgpu::BufferBinding<'_> {
    wgpu::BufferBinding { buffer, offset: 0, size: wgpu::BufferSize::new(bytes) }
}
