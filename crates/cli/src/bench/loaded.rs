//! A case on the device: its buffers, its plans, and the check of what they compute.

use gpu_loss::batch::{Element, TargetForm, bf16, f16};
use gpu_loss::layout::STATISTICS_BYTES;
use gpu_loss::reference::{Reference, compare};
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Output, Plan, Shape, wgpu};
use ndarray::{ArrayD, Axis};

use super::data::Tile;
use super::memory::{check_room, fill, read, reserve, staging, upload, wait};
use super::shapes::{Case, Mode};
use crate::failure::Failure;

/// A batch in buffers.
pub(crate) struct Loaded {
    pub(crate) case: Case,
    /// Scores, and behind them whatever else a copy of as many bytes reads.
    pub(crate) scores: wgpu::Buffer,
    /// Where the gradient goes, and the copy.
    pub(crate) sink: wgpu::Buffer,
    targets: wgpu::Buffer,
    indices: Option<wgpu::Buffer>,
    /// Of the indices of lists, which only the lists tell.
    pub(crate) index_bytes: u64,
    statistics: Option<wgpu::Buffer>,
    loss: wgpu::Buffer,
    tile_n: usize,
    /// What the tile comes to.
    expected: Reference,
    /// The least that must move: scores once in, gradient once out, targets, losses.
    pub(crate) bytes: u64,
}

impl Loaded {
    pub(crate) fn new(gpu: &GpuLoss, case: &Case) -> Result<Self, Failure> {
        let tile = Tile::new(case);
        let index_list = tile.index_bytes();
        let index_bytes = index_list.as_ref().map_or(0, Vec::len) as u64;
        let grad_bytes = if case.mode == Mode::Loss { 0 } else { case.score_bytes() };
        let loss_bytes = if case.mode == Mode::Grad { 0 } else { 4 };
        let bytes = case.score_bytes() + grad_bytes + tile.all_target_bytes() + index_bytes + loss_bytes;
        check_room(gpu, 2 * half(bytes).max(case.score_bytes()))?;
        let scores = reserve(gpu, "scores", case.score_bytes().max(half(bytes)))?;
        let sink = reserve(gpu, "gradients", grad_bytes.max(half(bytes)))?;
        fill(gpu, &scores, &tile.score_bytes())?;
        let target_bytes = tile.target_bytes();
        let targets = if case.form == TargetForm::Lists {
            upload(gpu, "list offsets", &target_bytes)?
        } else {
            let targets = reserve(gpu, "targets", tile.all_target_bytes())?;
            fill(gpu, &targets, &target_bytes)?;
            targets
        };
        let statistics = match case.mode {
            Mode::Grad => Some(reserve(gpu, "row statistics", case.shape.rows() as u64 * STATISTICS_BYTES)?),
            _ => None,
        };
        let loaded = Loaded {
            case: *case,
            scores,
            sink,
            targets,
            indices: index_list.map(|bytes| upload(gpu, "class lists", &bytes)).transpose()?,
            index_bytes,
            statistics,
            loss: reserve(gpu, "the loss", 16)?,
            tile_n: tile.n,
            expected: tile.reference()?,
            bytes,
        };
        if case.mode == Mode::Grad {
            loaded.save_statistics(gpu)?;
        }
        Ok(loaded)
    }

    /// Bytes of a copy that moves as much: half of it in, half out.
    pub(crate) fn copied(&self) -> u64 {
        half(self.bytes)
    }

    /// Bytes of a row's scores.
    pub(crate) fn row_bytes(&self) -> u64 {
        (self.case.shape.classes * self.case.dtype.size()) as u64
    }

    /// The plan for the case, or for its first `n` only.
    pub(crate) fn plan(&self, gpu: &GpuLoss, n: usize) -> Result<Plan, Failure> {
        let Case { shape, dtype, form, mode, .. } = self.case;
        let shape = Shape { n, ..shape };
        let layout = match mode {
            Mode::Loss => Layout::forward(shape, dtype),
            Mode::LossAndGrad => Layout::forward_backward(shape, dtype),
            Mode::Grad => Layout::backward(shape, dtype),
        };
        let layout = layout.targets(form);
        gpu.plan(&self.case.spec(), &layout).map_err(|error| Failure::library(&error, None))
    }

    pub(crate) fn buffers(&self) -> Buffers<'_> {
        let range = |buffer, bytes| wgpu::BufferBinding { buffer, offset: 0, size: wgpu::BufferSize::new(bytes) };
        let bytes = self.case.score_bytes().next_multiple_of(16);
        let (loses, grades) = (self.case.mode != Mode::Grad, self.case.mode != Mode::Loss);
        Buffers::new(range(&self.scores, bytes), &self.targets)
            .loss(loses.then_some(&self.loss))
            .grad(grades.then(|| range(&self.sink, bytes)))
            .target_indices(self.indices.as_ref().map(|buffer| range(buffer, self.index_bytes)))
            .statistics(self.statistics.as_ref())
    }

    /// Runs the forward half, for the backward half to be measured.
    fn save_statistics(&self, gpu: &GpuLoss) -> Result<(), Failure> {
        let Case { shape, dtype, form, .. } = self.case;
        let mut layout = Layout::forward(shape, dtype).targets(form);
        layout.statistics = self.case.kind.per_row();
        let failed = |error: gpu_loss::Error| Failure::library(&error, None);
        let plan = gpu.plan(&self.case.spec(), &layout).map_err(failed)?;
        let buffers = self.buffers().grad(None::<&wgpu::Buffer>).loss(&self.loss);
        pollster::block_on(plan.submit(&buffers)).map_err(failed)?;
        wait(gpu)
    }

    /// Runs a plan once and holds every gradient and the loss against the reference.
    pub(crate) fn check(&self, gpu: &GpuLoss, plan: &Plan) -> Result<(), Failure> {
        let failed = |error: gpu_loss::Error| Failure::library(&error, None);
        // Scores are no gradients, and NaN is no loss: what is not written shows.
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let both = self.scores.size().min(self.sink.size());
        encoder.copy_buffer_to_buffer(&self.scores, 0, &self.sink, 0, both);
        gpu.queue().write_buffer(&self.loss, 0, &[0xff; 16]);
        gpu.queue().submit([encoder.finish()]);
        pollster::block_on(plan.submit(&self.buffers())).map_err(failed)?;
        plan.read_status().map_err(failed)?;
        let expected_loss = self.expected_loss();
        let loss = if self.case.mode == Mode::Grad {
            expected_loss as f32
        } else {
            let bytes = read(gpu, &self.loss, 0, &staging(gpu, 16)?, 4)?;
            f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        };
        let grad_n = if self.case.mode == Mode::Loss { 0 } else { self.case.shape.n };
        let n_bytes = self.case.score_bytes() / self.case.shape.n as u64;
        let staging = staging(gpu, self.tile_n as u64 * n_bytes)?;
        // At least once, for the loss.
        for first in (0..grad_n.max(1)).step_by(self.tile_n) {
            let n = self.tile_n.min(grad_n - first.min(grad_n));
            let bytes = match n {
                0 => Vec::new(),
                n => read(gpu, &self.sink, first as u64 * n_bytes, &staging, n as u64 * n_bytes)?,
            };
            let share = match self.case.dtype {
                Dtype::F32 => self.share(n, loss, expected_loss, words(&bytes, f32::from_le_bytes)),
                Dtype::F16 => self.share(n, loss, expected_loss, words(&bytes, f16::from_le_bytes)),
                Dtype::Bf16 => self.share(n, loss, expected_loss, words(&bytes, bf16::from_le_bytes)),
            };
            if share > 1.0 || share.is_nan() {
                let (case, strategy, adapter) = (&self.case, plan.strategy().name(), &gpu.adapter_info().name);
                return Err(Failure::check(format!(
                    "{case}, {strategy} on {adapter}: outside the promised accuracy (at {:.0} % of it) from row {} on; \
                     nothing was timed or written",
                    share * 100.0,
                    first * self.case.shape.inner
                )));
            }
        }
        Ok(())
    }

    /// The loss of the whole batch: that of the tiles, and of a part of one.
    fn expected_loss(&self) -> f64 {
        let Shape { n, .. } = self.case.shape;
        let shape = &self.case.shape;
        let counted = if self.case.kind.per_row() { shape.rows() } else { shape.elements() };
        let losses_of_n = self.expected.losses.len() / self.tile_n;
        let rest: f64 = self.expected.losses.iter().take(n % self.tile_n * losses_of_n).sum();
        (n / self.tile_n) as f64 * self.expected.loss + rest / counted as f64
    }

    /// The error of some `n` of the gradient and of the loss, as a share of what is allowed.
    fn share<T: Element>(&self, n: usize, loss: f32, expected_loss: f64, grad: Vec<T>) -> f64 {
        let mut output = Output::new(loss);
        output.grad = Some(ndarray::Array1::from_vec(grad));
        let part = Reference {
            loss: expected_loss,
            losses: ArrayD::zeros(vec![0]),
            slack: ArrayD::zeros(vec![0]),
            loss_slack: 0.0,
            lse: None,
            grad: self.expected.grad.slice_axis(Axis(0), (..n).into()).to_owned(),
            terms: self.expected.terms.slice_axis(Axis(0), (..n).into()).to_owned(),
            reduction: self.expected.reduction,
            argmax: None,
            correct: None,
            log_prob: None,
            entropy: None,
            rank: None,
            rank_slack: None,
            grad_class_bias: None,
            class_bias_terms: None,
        };
        compare(&output, &part).worst()
    }
}

/// Half of some bytes, in whole quads of words.
fn half(bytes: u64) -> u64 {
    (bytes / 2).next_multiple_of(16)
}

/// Little-endian numbers.
fn words<T, const SIZE: usize>(bytes: &[u8], read: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks::<SIZE>().0.iter().map(|word| read(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::shapes::Role;
    use gpu_loss::loss::Kind;

    #[test]
    fn rows_that_nothing_was_written_to_fail_the_check() {
        let gpu = GpuLoss::new().unwrap();
        let case = Case {
            kind: Kind::SoftmaxCe,
            form: TargetForm::Classes,
            // A tile and a part of one.
            shape: Shape::new(300, 4097),
            dtype: Dtype::Bf16,
            mode: Mode::LossAndGrad,
            role: Role::Table,
        };
        let sigmoid = Case { kind: Kind::SigmoidCe, form: TargetForm::Probabilities, ..case };
        for case in [case, Case { form: TargetForm::Lists, ..case }, Case { mode: Mode::Grad, ..case }, sigmoid] {
            let loaded = Loaded::new(&gpu, &case).unwrap();
            assert!(loaded.tile_n < 300 && !300_usize.is_multiple_of(loaded.tile_n));
            loaded.check(&gpu, &loaded.plan(&gpu, 300).unwrap()).unwrap();
            let without_the_last = loaded.plan(&gpu, 299).unwrap();
            let told = loaded.check(&gpu, &without_the_last).unwrap_err();
            assert_eq!(told.exit, crate::failure::Exit::Check);
            assert!(told.line().contains("outside the promised accuracy"), "{}", told.line());
        }
    }
}
