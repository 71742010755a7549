//! The operations that Burn is taught: a loss, its gradient, and a loss with the linear layer before it.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
#[cfg(feature = "fusion")]
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, AutodiffBackend, Backend, ExtensionType, backend_extension};
#[cfg(feature = "fusion")]
use burn::tensor::{DType, Shape};

use crate::linear::{self, Bias, LinearJob};
use crate::plan::Job;
#[cfg(feature = "fusion")]
use crate::plan::ROW_FLOATS;

/// Targets on a backend.
#[derive(ExtensionType, Clone, Debug)]
#[cfg_attr(feature = "fusion", extension_type(fusion))]
pub(crate) enum Targets<B: Backend> {
    Classes(IntTensor<B>),
    Lists(IntTensor<B>, IntTensor<B>),
    /// A byte an element.
    MultiHot(IntTensor<B>),
    Probabilities(FloatTensor<B>),
    /// Probabilities, and a weight an element.
    Weighted(FloatTensor<B>, FloatTensor<B>),
    /// A teacher's scores.
    Teacher(FloatTensor<B>),
}

#[backend_extension(Cube, Fusion: cfg(feature = "fusion"), Autodiff)]
pub(crate) trait LossOps: Backend {
    /// The loss (or losses), and what the gradient needs of each row.
    #[fusion(meta = |_scores, _targets, job| (
        TensorSpec::new(Shape::new([job.losses()]), DType::F32),
        TensorSpec::new(Shape::new([job.statistics(), ROW_FLOATS]), DType::F32),
    ))]
    fn loss_forward(
        scores: FloatTensor<Self>,
        #[extension_type] targets: Targets<Self>,
        job: Job,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient on the scores, written over them if nobody else holds them.
    #[fusion(dtype = scores, shape = scores)]
    fn loss_backward(
        scores: FloatTensor<Self>,
        #[extension_type] targets: Targets<Self>,
        statistics: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        job: Job,
    ) -> FloatTensor<Self>;

    /// The loss (or losses) of a linear layer's output, chunk by chunk: see [`linear`](crate::linear).
    #[fusion(default)]
    fn linear_loss(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Bias<Self>,
        labels: IntTensor<Self>,
        factor: FloatTensor<Self>,
        job: LinearJob,
    ) -> FloatTensor<Self> {
        let bias = match bias {
            Bias::Absent => None,
            Bias::Of(bias) => Some(bias),
        };
        linear::forward(&linear::Given::<Self> { hidden, weight, bias, labels, factor }, &job, false).loss
    }
}

/// Targets are constants: no gradient goes to them.
fn constants<B: Backend, C: CheckpointStrategy>(targets: Targets<Autodiff<B, C>>) -> Targets<B> {
    match targets {
        Targets::Classes(classes) => Targets::Classes(classes),
        Targets::Lists(offsets, indices) => Targets::Lists(offsets, indices),
        Targets::MultiHot(bytes) => Targets::MultiHot(bytes),
        Targets::Probabilities(targets) => Targets::Probabilities(targets.into_primitive()),
        Targets::Weighted(targets, weights) => Targets::Weighted(targets.into_primitive(), weights.into_primitive()),
        Targets::Teacher(teacher) => Targets::Teacher(teacher.into_primitive()),
    }
}

#[derive(Debug)]
struct LossBackward;

impl<B: LossOps> Backward<B, 1> for LossBackward {
    type State = (FloatTensor<B>, Targets<B>, FloatTensor<B>, Job);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let upstream = grads.consume::<B>(&ops.node);
        let (scores, targets, statistics, job) = ops.state;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::loss_backward(scores, targets, statistics, upstream, job));
        }
    }
}

impl<B: LossOps, C: CheckpointStrategy> LossOps for Autodiff<B, C> {
    fn loss_forward(
        scores: FloatTensor<Self>,
        targets: Targets<Self>,
        job: Job,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (scores, node) = scores.into_parts();
        let targets = constants(targets);
        match LossBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (loss, statistics) = B::loss_forward(scores.clone(), targets.clone(), job.clone());
                let state = (scores, targets, statistics.clone(), job);
                (prep.finish(state, loss), <Self as AutodiffBackend>::from_inner(statistics))
            }
            OpsKind::UnTracked(prep) => {
                let (loss, statistics) = B::loss_forward(scores, targets, job);
                (prep.finish(loss), <Self as AutodiffBackend>::from_inner(statistics))
            }
        }
    }

    /// A gradient is a constant to whoever would differentiate it again: there are no second derivatives.
    fn loss_backward(
        scores: FloatTensor<Self>,
        targets: Targets<Self>,
        statistics: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        job: Job,
    ) -> FloatTensor<Self> {
        let [scores, statistics, upstream] = [scores, statistics, upstream].map(|t| t.into_primitive());
        <Self as AutodiffBackend>::from_inner(B::loss_backward(scores, constants(targets), statistics, upstream, job))
    }

    fn linear_loss(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Bias<Self>,
        labels: IntTensor<Self>,
        factor: FloatTensor<Self>,
        job: LinearJob,
    ) -> FloatTensor<Self> {
        let ((hidden, of_hidden), (weight, of_weight)) = (hidden.into_parts(), weight.into_parts());
        let factor = factor.into_primitive();
        match bias {
            Bias::Absent => {
                let given = linear::Given::<B> { hidden, weight, bias: None, labels, factor };
                linear::node::<B, C, 2>([of_hidden, of_weight], given, job)
            }
            Bias::Of(bias) => {
                let (bias, of_bias) = bias.into_parts();
                let given = linear::Given::<B> { hidden, weight, bias: Some(bias), labels, factor };
                linear::node::<B, C, 3>([of_hidden, of_weight, of_bias], given, job)
            }
        }
    }
}
