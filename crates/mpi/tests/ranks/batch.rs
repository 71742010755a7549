//! Batches that every rank makes alike, and what they must come to.

use gpu_loss::batch::{Element, TargetForm, bf16, f16};
use gpu_loss::loss::Loss as _;
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Reduction, Shape, SoftmaxCe, Targets};
use ndarray::{ArrayD, Axis, IxDyn};

/// A score's type.
pub(crate) trait Score: Element {
    fn of(value: f32) -> Self;
}

impl Score for f32 {
    fn of(value: f32) -> Self {
        value
    }
}

impl Score for f16 {
    fn of(value: f32) -> Self {
        f16::from_f32(value)
    }
}

impl Score for bf16 {
    fn of(value: f32) -> Self {
        bf16::from_f32(value)
    }
}

/// A generator of numbers that are the same everywhere.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    /// In [−1, 1].
    pub(crate) fn number(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0
    }
}

pub(crate) enum Owned {
    Classes(ArrayD<i64>),
    Lists(Vec<i64>, Vec<i64>),
    Probabilities(ArrayD<f32>),
}

/// A batch over the whole vocabulary.
pub(crate) struct Whole<T: Score> {
    pub(crate) loss: SoftmaxCe,
    pub(crate) scores: ArrayD<T>,
    pub(crate) targets: Owned,
    /// Under no reduction.
    pub(crate) upstream: Option<ArrayD<f32>>,
    pub(crate) more: More,
}

/// What is wanted beside losses, log-sum-exps, arg-maxima and the gradient.
#[derive(Clone, Copy, Default)]
pub(crate) struct More {
    pub(crate) entropy: bool,
    /// A gradient that arrives at them, the same numbers as the upstream one.
    pub(crate) entropy_upstream: bool,
    pub(crate) grad_class_bias: bool,
}

/// What of the scores is −∞.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mask {
    None,
    /// All of the first rank's classes in every third row, one row altogether, and single classes.
    Shard,
}

impl More {
    /// Whether correct rows are counted: of probabilities not beside entropies.
    pub(crate) fn correct(self, form: TargetForm) -> bool {
        !(self.entropy && form == TargetForm::Probabilities)
    }
}

impl<T: Score> Whole<T> {
    pub(crate) fn new(seed: u64, dims: &[usize], loss: &SoftmaxCe, form: TargetForm, mask: (Mask, usize)) -> Self {
        let mut numbers = Numbers::new(seed);
        let shape = Shape::of(dims).expect("two dimensions");
        // Under margins scores are cosines.
        let spread = if loss.spec().has_margin() { 1.0 } else { 6.0 };
        let mut scores = ArrayD::from_shape_simple_fn(IxDyn(dims), || T::of(spread * numbers.number()));
        if mask.0 == Mask::Shard {
            for (at, score) in scores.indexed_iter_mut() {
                let (n, class) = (at[0], at[1]);
                if (n % 3 == 0 && class < mask.1) || n == 4 || (n + class) % 11 == 0 {
                    *score = T::of(f32::NEG_INFINITY);
                }
            }
        }
        let rows = [&dims[..1], &dims[2..]].concat();
        let ignored = loss.ignore_index;
        let targets = match form {
            TargetForm::Classes => {
                Owned::Classes(ArrayD::from_shape_simple_fn(IxDyn(&rows), || match (ignored, numbers.below(4)) {
                    (Some(ignored), 0) => ignored,
                    _ => numbers.below(shape.classes) as i64,
                }))
            }
            TargetForm::Lists => {
                let (mut offsets, mut indices) = (vec![0], Vec::new());
                for row in 0..shape.rows() {
                    // Every fifth row has no true class.
                    let chosen = |_: &usize| row % 5 != 4 && numbers.below(7) == 0;
                    indices.extend((0..shape.classes).filter(chosen).map(|class| class as i64));
                    offsets.push(indices.len() as i64);
                }
                Owned::Lists(offsets, indices)
            }
            _ => Owned::Probabilities(probabilities(&scores, &mut numbers)),
        };
        let upstream = (loss.reduction == Reduction::None)
            .then(|| ArrayD::from_shape_simple_fn(IxDyn(&rows), || numbers.number()));
        Whole { loss: loss.clone(), scores, targets, upstream, more: More::default() }
    }

    pub(crate) fn with(self, more: More) -> Self {
        Whole { more, ..self }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape::of(self.scores.shape()).expect("two dimensions")
    }

    pub(crate) fn form(&self) -> TargetForm {
        match &self.targets {
            Owned::Classes(_) => TargetForm::Classes,
            Owned::Lists(..) => TargetForm::Lists,
            Owned::Probabilities(_) => TargetForm::Probabilities,
        }
    }

    pub(crate) fn batch(&self) -> Batch<'_, T, IxDyn> {
        let targets = match &self.targets {
            Owned::Classes(labels) => Targets::from(labels),
            Owned::Lists(offsets, indices) => Targets::lists(offsets, indices),
            Owned::Probabilities(p) => Targets::from(p),
        };
        let mut batch = Batch::new(&self.scores, targets).with_losses().with_lse().with_argmax();
        batch.outputs.correct = self.more.correct(self.form());
        batch.outputs.entropy = self.more.entropy;
        batch.outputs.grad_class_bias = self.more.grad_class_bias;
        batch.upstream = self.upstream.as_ref().map(|upstream| upstream.view());
        if self.more.entropy_upstream {
            batch.entropy_upstream = batch.upstream.clone();
        }
        batch
    }

    pub(crate) fn reference(&self) -> Reference {
        reference::run(&self.loss, &self.batch()).expect("a batch that the reference takes")
    }

    /// Bytes of the scores of some classes.
    pub(crate) fn scores_of(&self, first: usize, end: usize) -> Vec<u8> {
        bytes(&slice(&self.scores, first, end))
    }

    /// Bytes of the targets as a shard has them, and of list indices.
    pub(crate) fn targets_of(&self, first: usize, end: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        match &self.targets {
            Owned::Classes(labels) => (bytes(labels), None),
            Owned::Lists(offsets, indices) => {
                (bytemuck::cast_slice(offsets).to_vec(), Some(bytemuck::cast_slice(indices).to_vec()))
            }
            Owned::Probabilities(p) => (bytes(&slice(p, first, end)), None),
        }
    }
}

/// Targets whose greatest is at the highest score in every other row, so that there are right rows and wrong ones.
fn probabilities<T: Score>(scores: &ArrayD<T>, numbers: &mut Numbers) -> ArrayD<f32> {
    let greatest = 3.0 / scores.shape()[1] as f32;
    let mut targets = scores.mapv(|_| numbers.number().abs() * greatest / 2.0);
    let rows = targets.lanes_mut(Axis(1)).into_iter().zip(scores.lanes(Axis(1)));
    for (mut targets, scores) in rows.step_by(2) {
        let best = (0..scores.len()).max_by(|a, b| scores[*a].to_f64().total_cmp(&scores[*b].to_f64()));
        targets[best.expect("a class")] = greatest;
    }
    targets
}

/// Some classes of an array.
fn slice<A: Clone>(array: &ArrayD<A>, first: usize, end: usize) -> ArrayD<A> {
    array.slice_axis(Axis(1), (first..end).into()).as_standard_layout().into_owned()
}

pub(crate) fn bytes<A: bytemuck::NoUninit>(array: &ArrayD<A>) -> Vec<u8> {
    bytemuck::cast_slice(array.as_standard_layout().as_slice().expect("row-major")).to_vec()
}
