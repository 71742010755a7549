//! The operation: forward and backward of a linear layer and its loss, over the operations that a backend has.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, ExtensionType, TensorMetadata};
use burn::tensor::{FloatDType, Shape, Slice};

use super::chunks::Chunks;
use crate::op::{LossOps, Targets};
use crate::plan::{Job, Reduce, Spec};

/// The layer's bias.
#[derive(ExtensionType, Clone, Debug)]
pub(crate) enum Bias<B: Backend> {
    Absent,
    Of(FloatTensor<B>),
}

/// What is computed.
#[derive(Debug, Clone)]
pub(crate) struct LinearJob {
    /// The loss of a chunk: the sum, or each row's.
    spec: Arc<Spec>,
    classes: usize,
    chunks: Chunks,
    /// Bytes that a product may take which is added to the weights' gradient.
    added: u64,
}

/// A product that is added to the weights' gradient takes at most this part of the budget, beside a chunk's logits.
const PART_ADDED: u64 = 8;

impl LinearJob {
    pub(super) fn new(spec: &Arc<Spec>, classes: usize, chunks: Chunks, memory: u64) -> Self {
        let mut of_chunk = Spec::clone(spec);
        if spec.reduction != Reduce::None {
            // What a mean divides by is counted over the whole batch.
            (of_chunk.reduction, of_chunk.denominator) = (Reduce::Sum, None);
        }
        LinearJob { spec: Arc::new(of_chunk), classes, chunks, added: memory / PART_ADDED }
    }

    /// The losses of all chunks that differ: of the first, and of the last.
    pub(super) fn jobs(&self) -> Vec<Job> {
        let mut sizes: Vec<usize> = self.chunks.iter().map(|chunk| chunk.len()).collect();
        sizes.dedup();
        sizes.into_iter().map(|rows| self.job(rows)).collect()
    }

    fn job(&self, rows: usize) -> Job {
        Job { spec: Arc::clone(&self.spec), shape: [rows, self.classes, 1], part: rows < self.chunks.all }
    }

    fn each(&self) -> bool {
        self.spec.reduction == Reduce::None
    }

    /// The columns of the weights' gradient, at most so many at a time as may be added at once.
    fn slabs(&self, column_bytes: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let classes = self.classes;
        let most = usize::try_from(self.added).unwrap_or(usize::MAX) / column_bytes.max(1);
        // Whole lines of memory, where there are so many.
        let slab = if most >= 64 { most / 64 * 64 } else { most.max(1) };
        (0..classes.div_ceil(slab)).map(move |at| at * slab..classes.min((at + 1) * slab))
    }
}

/// What the layer is given: hidden states `[N, H]`, weights `[H, V]`, bias `[V]`, and a label a row.
#[derive(Clone, Debug)]
pub(crate) struct Given<B: Backend> {
    pub(crate) hidden: FloatTensor<B>,
    pub(crate) weight: FloatTensor<B>,
    pub(crate) bias: Option<FloatTensor<B>>,
    pub(crate) labels: IntTensor<B>,
    /// What the sum of all losses is multiplied by, `[1]`.
    pub(crate) factor: FloatTensor<B>,
}

impl<B: LossOps> Given<B> {
    fn logits(&self, chunk: &Range<usize>) -> FloatTensor<B> {
        let logits = B::float_matmul(rows::<B>(&self.hidden, chunk), self.weight.clone());
        match &self.bias {
            Some(bias) => {
                let line = Shape::new([1, bias.shape()[0]]);
                B::float_add(logits, B::float_reshape(bias.clone(), line))
            }
            None => logits,
        }
    }

    fn targets(&self, chunk: &Range<usize>) -> Targets<B> {
        Targets::Classes(B::int_slice(self.labels.clone(), &[Slice::from(chunk.clone())]))
    }
}

/// What comes out of the forward pass.
pub(crate) struct Forward<B: Backend> {
    pub(crate) loss: FloatTensor<B>,
    kept: Kept<B>,
}

/// What it leaves to the backward pass: statistics of the rows of each chunk, and the logits of the last.
#[derive(Clone, Debug)]
struct Kept<B: Backend> {
    statistics: Vec<FloatTensor<B>>,
    logits: Option<FloatTensor<B>>,
}

/// The loss, or the losses of all rows. `keep` is for a backward pass.
pub(crate) fn forward<B: LossOps>(given: &Given<B>, job: &LinearJob, keep: bool) -> Forward<B> {
    let (mut losses, mut kept) = (vec![], Kept { statistics: vec![], logits: None });
    for chunk in job.chunks.iter() {
        let logits = given.logits(&chunk);
        let (loss, statistics) = B::loss_forward(logits.clone(), given.targets(&chunk), job.job(chunk.len()));
        losses.push(loss);
        if keep {
            kept.statistics.push(statistics);
            kept.logits = (chunk.end == job.chunks.all).then_some(logits);
        }
    }
    let loss = if job.each() {
        if losses.len() == 1 { losses.remove(0) } else { B::float_cat(losses, 0) }
    } else {
        // There is a chunk at least.
        let sum = losses.into_iter().reduce(B::float_add).unwrap_or_else(|| given.factor.clone());
        B::float_mul(sum, given.factor.clone())
    };
    Forward { loss, kept }
}

/// Gradients of hidden states, weights and bias, where they are wanted.
struct Wanted {
    hidden: bool,
    weight: bool,
    bias: bool,
}

struct Parts<B: Backend> {
    hidden: Option<FloatTensor<B>>,
    weight: Option<FloatTensor<B>>,
    bias: Option<FloatTensor<B>>,
}

fn backward<B: LossOps>(
    given: &Given<B>,
    job: &LinearJob,
    kept: Kept<B>,
    upstream: FloatTensor<B>,
    wanted: &Wanted,
) -> Parts<B> {
    let upstream = if job.each() { upstream } else { B::float_mul(upstream, given.factor.clone()) };
    let dtype = given.hidden.dtype();
    // What is added up over chunks is f32, whatever the type.
    let sums = if job.chunks.iter().count() > 1 { FloatDType::F32 } else { dtype.into() };
    let Kept { mut statistics, mut logits } = kept;
    let mut grads = Parts { hidden: None, weight: None, bias: None };
    // The last chunk first, for its logits are at hand.
    for chunk in job.chunks.iter().rev() {
        let Some(statistics) = statistics.pop() else { break };
        let scores = logits.take().unwrap_or_else(|| given.logits(&chunk));
        let upstream = if job.each() { line::<B>(&upstream, &chunk) } else { upstream.clone() };
        let g = B::loss_backward(scores, given.targets(&chunk), statistics, upstream, job.job(chunk.len()));
        if wanted.hidden {
            let part = B::float_matmul(g.clone(), B::float_transpose(given.weight.clone()));
            grads.hidden = Some(placed::<B>(grads.hidden, given.hidden.shape(), &chunk, part));
        }
        if wanted.bias {
            let part = as_type::<B>(B::float_sum_dim(g.clone(), 0), sums);
            grads.bias = Some(match grads.bias {
                Some(sum) => B::float_add(sum, part),
                None => part,
            });
        }
        if wanted.weight {
            let across = B::float_transpose(rows::<B>(&given.hidden, &chunk));
            grads.weight = Some(match grads.weight {
                Some(sum) => added::<B>(sum, &across, &g, job),
                None => as_type::<B>(B::float_matmul(across, g), sums),
            });
        }
    }
    grads.weight = grads.weight.map(|sum| as_type::<B>(sum, dtype.into()));
    let shape = Shape::new([job.classes]);
    grads.bias = grads.bias.map(|sum| as_type::<B>(B::float_reshape(sum, shape), dtype.into()));
    grads
}

/// Adds a chunk's `hiddenᵀ·g` slab by slab, so that no second matrix of the weights' size exists.
fn added<B: LossOps>(
    sum: FloatTensor<B>,
    across: &FloatTensor<B>,
    g: &FloatTensor<B>,
    job: &LinearJob,
) -> FloatTensor<B> {
    let length = sum.shape()[0];
    job.slabs(4 * length).fold(sum, |sum, columns| {
        let place = [Slice::from(0..length), Slice::from(columns.clone())];
        let g = B::float_slice(g.clone(), &[Slice::from(0..g.shape()[0]), Slice::from(columns)]);
        let part = as_type::<B>(B::float_matmul(across.clone(), g), FloatDType::F32);
        let part = B::float_add(B::float_slice(sum.clone(), &place), part);
        B::float_slice_assign(sum, &place, part)
    })
}

/// Puts a chunk's rows into their place of the whole, which is made for the first of them.
fn placed<B: LossOps>(
    whole: Option<FloatTensor<B>>,
    shape: Shape,
    chunk: &Range<usize>,
    part: FloatTensor<B>,
) -> FloatTensor<B> {
    if chunk.len() == shape[0] {
        return part;
    }
    let whole = whole.unwrap_or_else(|| B::float_empty(shape.clone(), &part.device(), part.dtype().into()));
    B::float_slice_assign(whole, &[Slice::from(chunk.clone()), Slice::from(0..shape[1])], part)
}

/// Burn's fusion would copy what is of this type already.
fn as_type<B: Backend>(tensor: FloatTensor<B>, dtype: FloatDType) -> FloatTensor<B> {
    if FloatDType::from(tensor.dtype()) == dtype { tensor } else { B::float_cast(tensor, dtype) }
}

fn rows<B: Backend>(matrix: &FloatTensor<B>, chunk: &Range<usize>) -> FloatTensor<B> {
    let columns = matrix.shape()[1];
    B::float_slice(matrix.clone(), &[Slice::from(chunk.clone()), Slice::from(0..columns)])
}

fn line<B: Backend>(line: &FloatTensor<B>, chunk: &Range<usize>) -> FloatTensor<B> {
    B::float_slice(line.clone(), &[Slice::from(chunk.clone())])
}

#[derive(Debug)]
struct LinearBackward;

/// The parents are hidden states, weights and, where there is one, the bias.
impl<B: LossOps, const N: usize> Backward<B, N> for LinearBackward {
    type State = (Given<B>, LinearJob, Kept<B>);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let upstream = grads.consume::<B>(&ops.node);
        let (given, job, kept) = ops.state;
        let parent = |at: usize| ops.parents.get(at).and_then(Option::as_ref);
        let wanted = Wanted { hidden: parent(0).is_some(), weight: parent(1).is_some(), bias: parent(2).is_some() };
        let parts = backward(&given, &job, kept, upstream, &wanted);
        for (at, part) in [parts.hidden, parts.weight, parts.bias].into_iter().enumerate() {
            if let (Some(node), Some(part)) = (parent(at), part) {
                grads.register::<B>(node.id, part);
            }
        }
    }
}

/// The operation as a node of Burn's graph.
pub(crate) fn node<B: LossOps, C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    given: Given<B>,
    job: LinearJob,
) -> FloatTensor<Autodiff<B, C>> {
    match Backward::<B, N>::prepare::<C>(LinearBackward, nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let Forward { loss, kept } = forward(&given, &job, true);
            prep.finish((given, job, kept), loss)
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(&given, &job, false).loss),
    }
}
