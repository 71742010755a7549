//! All that this crate asks of gpu-loss's plans: what a shard's four are, and which of the caller's buffers each takes.

use gpu_loss::batch::{Outputs, TargetForm};
use gpu_loss::layout::{Mode, STATISTICS_BYTES, Upstream};
use gpu_loss::loss::{Loss as _, Spec};
use gpu_loss::{Buffers, GpuLoss, Layout, Plan, Shape, SoftmaxCe};

use crate::agree::Classes;
use crate::alike::{Item, items};
use crate::error::{Error, Result};

/// A shard's plans.
#[derive(Debug)]
pub(crate) struct Plans {
    pub(crate) chunks: Vec<Chunk>,
    /// For the chunks, of which the last may be shorter.
    statistics: Vec<Plan>,
    merge: Plan,
    /// None where no gradient is wanted.
    gradient: Option<Plan>,
    layout: Layout,
}

/// Rows whose statistics are exchanged together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// The first of the first dimension.
    n: usize,
    /// Which plan takes it.
    plan: usize,
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
}

impl Plans {
    /// Makes the plans of a shard whose rows are exchanged by so many, and merged from so many records each.
    pub(crate) fn new(gpu: &GpuLoss, loss: &Spec, layout: &Layout, chunk_rows: usize, shards: usize) -> Result<Self> {
        let plan = |layout: &Layout| -> Result<Plan> { Ok(gpu.plan(loss, layout)?) };
        // First: it refuses what is too large, of which there would be chunks without end.
        let merge = plan(&merge_layout(layout, u32::try_from(shards).unwrap_or(u32::MAX)))?;
        let limits = gpu.device().limits();
        let step = chunk_n(layout.shape, chunk_rows, limits.min_storage_buffer_offset_alignment as usize);
        let Shape { n, inner, .. } = layout.shape;
        let mut sizes: Vec<usize> = Vec::new();
        let mut chunks = Vec::new();
        for first in (0..n).step_by(step) {
            let size = step.min(n - first);
            let plan = sizes.iter().position(|other| *other == size).unwrap_or_else(|| {
                sizes.push(size);
                sizes.len() - 1
            });
            chunks.push(Chunk { n: first, plan, first_row: first * inner, rows: size * inner });
        }
        let statistics = sizes.iter().map(|size| plan(&statistics_layout(layout, *size))).collect::<Result<_>>()?;
        let gradient = layout.outputs.grad.then(|| plan(&gradient_layout(layout))).transpose()?;
        Ok(Plans { chunks, statistics, merge, gradient, layout: *layout })
    }

    pub(crate) fn rows(&self) -> usize {
        self.layout.shape.rows()
    }

    /// Whether `Σ B_j` of a row that counts is 1 over all shards: then it shows whether they own its target once.
    pub(crate) fn owns_one(&self) -> bool {
        let sparse = matches!(self.layout.targets, TargetForm::Classes | TargetForm::Lists);
        sparse && self.merge.spec().class_weights.is_none()
    }

    /// Records a chunk's statistics into `out`, which has room for those of all rows.
    pub(crate) fn encode_statistics(
        &self,
        chunk: &Chunk,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &Buffers<'_>,
        out: &wgpu::Buffer,
    ) -> Result<()> {
        let Layout { shape, dtype, .. } = self.layout;
        let slab = shape.classes * shape.inner;
        let scores = self.layout.scores_stride.unwrap_or(slab) * dtype.size();
        let targets = match self.layout.targets {
            TargetForm::Probabilities => slab * 4,
            // Labels, or the offsets of lists: `describe` refuses what is neither.
            _ => shape.inner * self.layout.integers.words() as usize * 4,
        };
        let statistics = wgpu::BufferBinding {
            buffer: out,
            offset: chunk.first_row as u64 * STATISTICS_BYTES,
            size: wgpu::BufferSize::new(chunk.rows as u64 * STATISTICS_BYTES),
        };
        let from = |bytes: usize| (chunk.n * bytes) as u64;
        let own = inputs(buffers).inputs_from(from(scores), from(targets)).statistics(statistics);
        Ok(self.statistics[chunk.plan].encode(encoder, &own)?)
    }

    /// Records the merge of all shards' statistics.
    pub(crate) fn encode_merge(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &Buffers<'_>,
        shards: &wgpu::Buffer,
        merged: &wgpu::Buffer,
    ) -> Result<()> {
        Ok(self.merge.encode(encoder, &buffers.shards(shards).statistics(merged))?)
    }

    /// Records the gradient on this shard's classes.
    pub(crate) fn encode_gradient(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &Buffers<'_>,
        merged: &wgpu::Buffer,
    ) -> Result<()> {
        let gradient = self.gradient.as_ref().ok_or_else(|| Error::Option {
            what: "the layout of a backward pass",
            got: "one without a gradient".to_owned(),
            expected: "Outputs::grad".to_owned(),
        })?;
        Ok(gradient.encode(encoder, &buffers.statistics(merged).status(None::<&wgpu::Buffer>))?)
    }

    /// The merge's status: targets that mean nothing, or the number of correct rows.
    pub(crate) fn status(&self) -> Result<u64> {
        Ok(self.merge.read_status()?)
    }
}

/// `N` of a chunk of about so many rows, such that every chunk's part of every buffer is aligned.
fn chunk_n(shape: Shape, rows: usize, alignment: usize) -> usize {
    let wanted = rows / shape.inner.max(1);
    if wanted >= shape.n {
        return shape.n.max(1);
    }
    // An element has 2 bytes or more, and a multiple of the alignment is one in bytes too.
    wanted.next_multiple_of(alignment.max(1)).max(alignment.max(1))
}

/// What of the caller's buffers a plan of statistics reads: the outputs are the merge's.
fn inputs<'a>(buffers: &Buffers<'a>) -> Buffers<'a> {
    let nothing = None::<&wgpu::Buffer>;
    let inputs = buffers.loss(nothing).losses(nothing).lse(nothing).argmax(nothing).entropy(nothing);
    inputs.grad(nothing).grad_class_bias(nothing).status(nothing)
}

fn statistics_layout(layout: &Layout, n: usize) -> Layout {
    let wanted = layout.outputs;
    let mut outputs = Outputs::default().loss_only();
    outputs.argmax = wanted.argmax || wanted.correct;
    (outputs.correct, outputs.entropy) = (wanted.correct, wanted.entropy);
    let mut own = plain(layout).outputs(outputs).mode(Mode::Statistics);
    own.shape.n = n;
    own
}

fn merge_layout(layout: &Layout, shards: u32) -> Layout {
    let mut own = plain(layout).loss_only().mode(Mode::Merge { shards });
    own.outputs.grad_class_bias = false;
    own.shape.classes = layout.all_classes();
    (own.shard, own.scores_stride) = (None, None);
    own
}

fn gradient_layout(layout: &Layout) -> Layout {
    let mut outputs = Outputs::default();
    outputs.grad_class_bias = layout.outputs.grad_class_bias;
    let mut own = layout.outputs(outputs).mode(Mode::Gradient);
    own.statistics = false;
    own
}

/// Without what only a gradient has.
fn plain(layout: &Layout) -> Layout {
    let mut own = layout.upstream(Upstream::One);
    (own.grad_stride, own.in_place, own.statistics) = (None, false, false);
    own
}

/// What all ranks must have alike, this rank's classes and the size of the vocabulary; or what keeps the layout from
/// being a shard's.
pub(crate) fn describe(loss: &SoftmaxCe, layout: &Layout) -> Result<(Vec<Item>, Classes, u64)> {
    let option = |what, got: String, expected: &str| Err(Error::Option { what, got, expected: expected.to_owned() });
    if layout.mode != Mode::Whole {
        return option("the layout's mode", format!("{:?}", layout.mode), "Mode::Whole: it is split up here");
    }
    if !matches!(layout.targets, TargetForm::Classes | TargetForm::Lists | TargetForm::Probabilities) {
        return option("the form of the targets", format!("{:?}", layout.targets), "classes, lists or probabilities");
    }
    if layout.outputs.log_prob || layout.outputs.rank {
        let which = if layout.outputs.rank { "ranks of true classes" } else { "log-probabilities" };
        return option(
            "an output",
            which.to_owned(),
            "losses, log-sum-exps, arg-maxima, correct rows, entropies or the gradient of the class bias: the \
             statistics of shards do not tell others",
        );
    }
    let Shape { classes, .. } = layout.shape;
    if classes == 0 {
        return option("the number of classes of this rank's shard", "0".to_owned(), "at least 1");
    }
    loss.spec().check(layout.all_classes())?;
    let first = layout.shard.map_or(0, |shard| shard.first_class);
    let classes = Classes { first: first as u64, count: classes as u64 };
    Ok((items(loss, layout), classes, layout.all_classes() as u64))
}
