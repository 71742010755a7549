//! All that this crate asks of gpu-loss's plans: what a shard's four are, and which of the caller's buffers each takes.

use gpu_loss::batch::{Outputs, TargetForm};
use gpu_loss::layout::{Mode, STATISTICS_BYTES, Upstream};
use gpu_loss::loss::{EmptyMean, Loss as _, Spec};
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Reduction, Shape, SoftmaxCe};

use crate::agree::{Classes, Item};
use crate::error::{Error, Result};

/// A shard's plans.
#[derive(Debug)]
pub(crate) struct Plans {
    pub(crate) chunks: Vec<Chunk>,
    /// For the chunks, of which the last may be shorter.
    statistics: Vec<Plan>,
    merge: Plan,
    gradient: Plan,
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
        let plan = |layout: &Layout| -> Result<Plan> { Ok(gpu.plan(loss, layout)?) };
        let statistics = sizes.iter().map(|size| plan(&statistics_layout(layout, *size))).collect::<Result<_>>()?;
        let merge = plan(&merge_layout(layout, u32::try_from(shards).unwrap_or(u32::MAX)))?;
        let gradient = plan(&gradient_layout(layout))?;
        Ok(Plans { chunks, statistics, merge, gradient, layout: *layout })
    }

    pub(crate) fn rows(&self) -> usize {
        self.layout.shape.rows()
    }

    /// Whether `Σ B_j` of a row that counts is 1 over all shards: then it shows whether they own its target once.
    pub(crate) fn owns_one(&self) -> bool {
        let sparse = matches!(self.layout.targets, TargetForm::Classes | TargetForm::Lists);
        sparse && self.gradient.spec().class_weights.is_none()
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
        Ok(self.gradient.encode(encoder, &buffers.statistics(merged).status(None::<&wgpu::Buffer>))?)
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
    buffers.loss(nothing).losses(nothing).lse(nothing).argmax(nothing).grad(nothing).status(nothing)
}

fn statistics_layout(layout: &Layout, n: usize) -> Layout {
    let wanted = layout.outputs;
    let mut outputs = Outputs::default().loss_only();
    outputs.argmax = wanted.argmax || wanted.correct;
    outputs.correct = wanted.correct;
    let mut own = plain(layout).outputs(outputs).mode(Mode::Statistics);
    own.shape.n = n;
    own
}

fn merge_layout(layout: &Layout, shards: u32) -> Layout {
    let mut own = plain(layout).loss_only().mode(Mode::Merge { shards });
    own.shape.classes = layout.all_classes();
    (own.shard, own.scores_stride) = (None, None);
    own
}

fn gradient_layout(layout: &Layout) -> Layout {
    let mut own = layout.outputs(Outputs::default()).mode(Mode::Gradient);
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
    let Shape { n, classes, inner } = layout.shape;
    if classes == 0 {
        return option("the number of classes of this rank's shard", "0".to_owned(), "at least 1");
    }
    loss.spec().check(layout.all_classes())?;
    let first = layout.shard.map_or(0, |shard| shard.first_class);
    let Outputs { argmax, correct, .. } = layout.outputs;
    let weights =
        loss.class_weights.as_deref().map_or(u64::MAX, |weights| fingerprint(weights.iter().map(|w| w.to_bits())));
    // Compared last, and so for options alone that have no item of their own.
    let whole = fingerprint(format!("{loss:?}").bytes().map(u32::from));
    let items = vec![
        item("N, the first dimension of the scores,", n as u64, |n| n.to_string()),
        item("the product of the dimensions behind the classes", inner as u64, |n| n.to_string()),
        item("the type of the scores", place(Dtype::ALL, layout.dtype), |at| shown(Dtype::ALL, at)),
        item("the form of the targets", place(TargetForm::ALL, layout.targets), |at| shown(TargetForm::ALL, at)),
        item("whether arg-maxima or correct rows are wanted", (argmax || correct).into(), switch),
        item("whether correct rows are wanted", correct.into(), switch),
        item("whether the denominator is in a buffer", layout.denominator.into(), switch),
        item("reduction", place(&REDUCTIONS, loss.reduction), |at| shown(&REDUCTIONS, at)),
        item("denominator", bits(loss.denominator), number),
        item("empty_mean", u64::from(loss.empty_mean == EmptyMean::Zero), |at| {
            if at == 0 { "NaN" } else { "0" }.to_owned()
        }),
        item("whether there is an ignore_index", loss.ignore_index.is_some().into(), switch),
        item("ignore_index", loss.ignore_index.unwrap_or_default().cast_unsigned(), |n| n.cast_signed().to_string()),
        item("label_smoothing", bits(Some(loss.label_smoothing)), number),
        item("whether there are class_weights", loss.class_weights.is_some().into(), switch),
        item("the fingerprint of class_weights", weights, fingerprinted),
        item("z_loss", bits(Some(loss.z_loss)), number),
        item("logit_scale", bits(Some(loss.logit_scale)), number),
        item("softcap", bits(loss.softcap), number),
        item("the fingerprint of the loss's options", whole, fingerprinted),
    ];
    Ok((items, Classes { first: first as u64, count: classes as u64 }, layout.all_classes() as u64))
}

const REDUCTIONS: [Reduction; 4] = [Reduction::None, Reduction::Sum, Reduction::Mean, Reduction::BatchMean];

fn item(what: &'static str, value: u64, show: fn(u64) -> String) -> Item {
    Item { what, value, show }
}

fn place<T: PartialEq + Copy>(all: &[T], value: T) -> u64 {
    all.iter().position(|other| *other == value).unwrap_or(all.len()) as u64
}

fn shown<T: std::fmt::Debug>(all: &[T], at: u64) -> String {
    all.get(at as usize).map_or_else(|| at.to_string(), |value| format!("{value:?}"))
}

fn switch(on: u64) -> String {
    if on == 0 { "no" } else { "yes" }.to_owned()
}

fn bits(value: Option<f32>) -> u64 {
    value.map_or(u64::MAX, |value| value.to_bits().into())
}

fn number(bits: u64) -> String {
    u32::try_from(bits).map_or_else(|_| "none".to_owned(), |bits| f32::from_bits(bits).to_string())
}

/// FNV-1a over words.
fn fingerprint(words: impl Iterator<Item = u32>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3))
}

fn fingerprinted(hash: u64) -> String {
    format!("{hash:016x}")
}
