//! What goes into a one-call loss and what comes out: host arrays, through `ndarray` views.

#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
pub(crate) mod check;
mod element;
mod integers;
mod output;
mod shape;
pub(crate) mod symmetric;
mod targets;

pub use element::{Dtype, Element};
pub use half::{bf16, f16};
pub(crate) use integers::OwnedIntegers;
pub use integers::{Integer, IntegerType, Integers};
pub(crate) use output::requests;
pub use output::{Output, Outputs};
pub use shape::Shape;
pub use targets::{Logits, MISSING_LABEL, MultiHot, Probabilities, TargetElement, Targets};

pub use crate::loss::TargetForm;

use ndarray::{ArrayBase, ArrayView, ArrayViewD, Data, Dimension};

mod sealed {
    pub trait Sealed {}
    macro_rules! sealed {
        ($($element:ty)*) => {$(impl Sealed for $element {})*};
    }
    sealed! { f32 half::f16 half::bf16 i32 i64 u32 u8 bool }
    impl<T, D> Sealed for ndarray::ArrayView<'_, T, D> {}
    impl<S: ndarray::RawData, D> Sealed for &ndarray::ArrayBase<S, D> {}
}

/// Scores as a batch takes them: a view, or a reference to an array, with any strides.
pub trait Scores<'a>: sealed::Sealed {
    /// Their type.
    type Element: Element;
    /// Their number of dimensions.
    type Dimension: Dimension;
    /// The view.
    fn scores(self) -> ArrayView<'a, Self::Element, Self::Dimension>;
}

impl<'a, 's: 'a, T: Element, D: Dimension> Scores<'a> for ArrayView<'s, T, D> {
    type Element = T;
    type Dimension = D;
    fn scores(self) -> ArrayView<'a, T, D> {
        self.reborrow()
    }
}

impl<'a, 's: 'a, T: Element, S: Data<Elem = T>, D: Dimension> Scores<'a> for &'s ArrayBase<S, D> {
    type Element = T;
    type Dimension = D;
    fn scores(self) -> ArrayView<'a, T, D> {
        self.view()
    }
}

/// Scores `[N, C]` or `[N, C, d…]` with their targets, on the host, and what is wanted of them.
///
/// Views may have any strides.
///
/// ```
/// use gpu_loss::Batch;
/// let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
/// let labels = vec![0_i64, 2];
/// let batch = Batch::new(&logits, &labels).with_lse();
/// assert_eq!(batch.scores.shape(), [2, 3]);
///
/// // Labels that live for less than the scores do as well.
/// fn first_two(scores: ndarray::ArrayView2<'_, f32>, class: i64) -> bool {
///     Batch::new(scores, &[class, class + 1]).scores.nrows() == 2
/// }
/// assert!(first_two(logits.view(), 0));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Batch<'a, T, D: Dimension> {
    /// The scores (or probabilities for `ce` and `bce`), class axis 1.
    pub scores: ArrayView<'a, T, D>,
    /// What they are compared with.
    pub targets: Targets<'a>,
    /// `v` of the sigmoid losses and `bce`: one weight an element, of the scores' shape.
    pub element_weights: Option<ArrayViewD<'a, f32>>,
    /// The gradient that arrives at each unreduced loss, under [`Reduction::None`](crate::Reduction::None).
    pub upstream: Option<ArrayViewD<'a, f32>>,
    /// The gradient that arrives at each row's entropy, under [`Reduction::None`](crate::Reduction::None); `softmax_ce` only.
    pub entropy_upstream: Option<ArrayViewD<'a, f32>>,
    /// Which extra outputs are wanted.
    pub outputs: Outputs,
}

impl<'a, T: Element, D: Dimension> Batch<'a, T, D> {
    /// A batch whose loss and gradient are wanted: scores as a view or a reference to an array, and what converts to
    /// [`Targets`].
    ///
    /// Both may be borrowed for different times.
    pub fn new<'t: 'a>(scores: impl Scores<'a, Element = T, Dimension = D>, targets: impl Into<Targets<'t>>) -> Self {
        let (scores, targets) = (scores.scores(), targets.into().reborrow());
        Batch {
            scores,
            targets,
            element_weights: None,
            upstream: None,
            entropy_upstream: None,
            outputs: Outputs::default(),
        }
    }

    /// Sets one weight an element (sigmoid losses and `bce`), of the scores' shape.
    #[must_use]
    pub fn element_weights<E: Dimension>(mut self, weights: impl Scores<'a, Element = f32, Dimension = E>) -> Self {
        self.element_weights = Some(weights.scores().into_dyn());
        self
    }

    /// Sets the gradient that arrives at each unreduced loss (`Reduction::None` only), of the losses' shape.
    #[must_use]
    pub fn upstream<E: Dimension>(mut self, upstream: impl Scores<'a, Element = f32, Dimension = E>) -> Self {
        self.upstream = Some(upstream.scores().into_dyn());
        self
    }

    /// Sets the gradient that arrives at each row's entropy (`softmax_ce` under `Reduction::None` only), `[N, d…]`.
    #[must_use]
    pub fn entropy_upstream<E: Dimension>(mut self, upstream: impl Scores<'a, Element = f32, Dimension = E>) -> Self {
        self.entropy_upstream = Some(upstream.scores().into_dyn());
        self
    }

    requests!(.outputs);
}
