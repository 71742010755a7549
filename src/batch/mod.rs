//! What goes into a one-call loss and what comes out: host arrays, through `ndarray` views.

#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
pub(crate) mod check;

use half::{bf16, f16};
use ndarray::{Array, ArrayBase, ArrayD, ArrayView, ArrayViewD, Data, Dimension};

pub use crate::loss::TargetForm;
use crate::loss::{Reduction, Spec};

/// A type that scores and gradients can have: `f32`, [`f16`](struct@f16) or [`bf16`].
///
/// Arithmetic is in `f32` whatever the type; a 16-bit gradient is rounded once, when it is stored.
pub trait Element: Copy + Default + Send + Sync + bytemuck::Pod + std::fmt::Debug + 'static + sealed::Sealed {
    /// The type's name for plans.
    const DTYPE: Dtype;
    /// The value, exactly.
    fn to_f64(self) -> f64;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
    impl Sealed for i32 {}
    impl Sealed for i64 {}
    impl Sealed for u32 {}
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Element for f16 {
    const DTYPE: Dtype = Dtype::F16;
    fn to_f64(self) -> f64 {
        f16::to_f64(self)
    }
}

impl Element for bf16 {
    const DTYPE: Dtype = Dtype::Bf16;
    fn to_f64(self) -> f64 {
        bf16::to_f64(self)
    }
}

/// The type of scores and gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dtype {
    /// 32-bit IEEE float.
    F32,
    /// 16-bit IEEE float.
    F16,
    /// bfloat16.
    Bf16,
}

impl Dtype {
    /// All types.
    pub const ALL: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

    /// Bytes of one element.
    #[must_use]
    pub fn size(self) -> usize {
        if self == Dtype::F32 { 4 } else { 2 }
    }

    /// The name: `f32`, `f16`, `bf16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
        }
    }
}

/// Integers as they are held: labels, offsets or indices.
#[derive(Debug, Clone)]
pub enum Integers<'a> {
    /// 32-bit signed.
    I32(ArrayViewD<'a, i32>),
    /// 64-bit signed.
    I64(ArrayViewD<'a, i64>),
    /// 32-bit unsigned.
    U32(ArrayViewD<'a, u32>),
}

impl Integers<'_> {
    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Integers::I32(a) => a.shape(),
            Integers::I64(a) => a.shape(),
            Integers::U32(a) => a.shape(),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in row-major order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = i64> + '_> {
        match self {
            Integers::I32(a) => Box::new(a.iter().map(|v| i64::from(*v))),
            Integers::I64(a) => Box::new(a.iter().copied()),
            Integers::U32(a) => Box::new(a.iter().map(|v| i64::from(*v))),
        }
    }
}

/// Anything that holds class labels (or list offsets and indices): slices, vectors and arrays of `i32`, `i64` or `u32`.
pub trait Labels: Sync {
    /// The integers.
    fn integers(&self) -> Integers<'_>;
}

/// An integer type that labels, offsets and indices can have: `i32`, `i64` or `u32`.
pub trait Integer: Copy + Sync + sealed::Sealed {
    /// The integers under their type's name.
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_>
    where
        Self: Sized;
}

impl Integer for i32 {
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_> {
        Integers::I32(view)
    }
}

impl Integer for i64 {
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_> {
        Integers::I64(view)
    }
}

impl Integer for u32 {
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_> {
        Integers::U32(view)
    }
}

impl<I: Integer> Labels for &[I] {
    fn integers(&self) -> Integers<'_> {
        I::wrap(ArrayView::from(*self).into_dyn())
    }
}

impl<I: Integer> Labels for Vec<I> {
    fn integers(&self) -> Integers<'_> {
        I::wrap(ArrayView::from(self.as_slice()).into_dyn())
    }
}

impl<I: Integer, const LEN: usize> Labels for [I; LEN] {
    fn integers(&self) -> Integers<'_> {
        I::wrap(ArrayView::from(self.as_slice()).into_dyn())
    }
}

impl<I: Integer, S: Data<Elem = I> + Sync, D: Dimension> Labels for ArrayBase<S, D> {
    fn integers(&self) -> Integers<'_> {
        I::wrap(self.view().into_dyn())
    }
}

/// What the scores are compared with, in one of four forms.
#[derive(Clone)]
pub enum Targets<'a> {
    /// One class a row, of shape `[N, d…]`.
    Classes(&'a dyn Labels),
    /// A list of true classes a row (CSR): row `r` has `indices[offsets[r]..offsets[r + 1]]`, strictly increasing.
    Lists {
        /// `[rows + 1]`, from 0 up to `indices.len()`.
        offsets: &'a dyn Labels,
        /// The classes of all rows.
        indices: &'a dyn Labels,
    },
    /// One byte an element, 0 or 1, of the scores' shape.
    MultiHot(ArrayViewD<'a, u8>),
    /// One probability an element, of the scores' shape; used as given, not renormalised.
    Probabilities(ArrayViewD<'a, f32>),
}

impl<'a> Targets<'a> {
    /// Multi-hot bytes of any dimension.
    pub fn multi_hot<D: Dimension>(bytes: ArrayView<'a, u8, D>) -> Self {
        Targets::MultiHot(bytes.into_dyn())
    }

    /// Probabilities of any dimension.
    pub fn probabilities<D: Dimension>(probabilities: ArrayView<'a, f32, D>) -> Self {
        Targets::Probabilities(probabilities.into_dyn())
    }

    /// The same targets, borrowed for a shorter time (which the compiler cannot do by itself: views do not vary with
    /// their lifetimes).
    fn reborrow<'b>(self) -> Targets<'b>
    where
        'a: 'b,
    {
        match self {
            Targets::Classes(labels) => Targets::Classes(labels),
            Targets::Lists { offsets, indices } => Targets::Lists { offsets, indices },
            Targets::MultiHot(bytes) => Targets::MultiHot(bytes.reborrow()),
            Targets::Probabilities(probabilities) => Targets::Probabilities(probabilities.reborrow()),
        }
    }

    /// Which of the four forms.
    #[must_use]
    pub fn form(&self) -> TargetForm {
        match self {
            Targets::Classes(_) => TargetForm::Classes,
            Targets::Lists { .. } => TargetForm::Lists,
            Targets::MultiHot(_) => TargetForm::MultiHot,
            Targets::Probabilities(_) => TargetForm::Probabilities,
        }
    }
}

impl std::fmt::Debug for Targets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Targets::{:?}", self.form())
    }
}

/// Scores `[N, C]` or `[N, C, d…]` with their targets, on the host, and what is wanted of them.
///
/// Views may have any strides.
///
/// ```
/// use gpu_loss::{Batch, Targets};
/// let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
/// let labels = vec![0_i64, 2];
/// let batch = Batch::new(logits.view(), Targets::Classes(&labels)).with_lse();
/// assert_eq!(batch.scores.shape(), [2, 3]);
///
/// // Labels that live for less than the scores do as well.
/// fn first_two(scores: ndarray::ArrayView2<'_, f32>, class: i64) -> bool {
///     let labels = [class, class + 1];
///     Batch::new(scores, Targets::Classes(&labels)).scores.nrows() == 2
/// }
/// assert!(first_two(logits.view(), 0));
/// ```
#[derive(Debug, Clone)]
pub struct Batch<'a, T, D: Dimension> {
    /// The scores (or probabilities for `ce` and `bce`), class axis 1.
    pub scores: ArrayView<'a, T, D>,
    /// What they are compared with.
    pub targets: Targets<'a>,
    /// `v` of the sigmoid losses and `bce`: one weight an element, of the scores' shape.
    pub element_weights: Option<ArrayViewD<'a, f32>>,
    /// The gradient that arrives at each unreduced loss, under [`Reduction::None`](crate::Reduction::None).
    pub upstream: Option<ArrayViewD<'a, f32>>,
    /// Which extra outputs are wanted.
    pub outputs: Outputs,
}

/// Which outputs are wanted besides the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outputs {
    /// The gradient (wanted unless switched off).
    pub grad: bool,
    /// The losses before reduction.
    pub losses: bool,
    /// Each row's log-sum-exp; softmax losses only.
    pub lse: bool,
    /// Each row's class with the highest score (the lowest index wins a tie); per-row losses only.
    pub argmax: bool,
    /// How many rows' highest score is at a true class; per-row losses only.
    pub correct: bool,
}

impl Outputs {
    /// Whether losses before reduction are handed out: they are asked for, or never reduced.
    pub(crate) fn hands_out_losses(self, spec: &Spec) -> bool {
        self.losses || spec.reduction == Reduction::None
    }
}

impl Default for Outputs {
    fn default() -> Self {
        Outputs { grad: true, losses: false, lse: false, argmax: false, correct: false }
    }
}

impl<'a, T: Element, D: Dimension> Batch<'a, T, D> {
    /// A batch whose loss and gradient are wanted.
    ///
    /// Both may be borrowed for different times.
    pub fn new<'s: 'a, 't: 'a>(scores: ArrayView<'s, T, D>, targets: Targets<'t>) -> Self {
        let (scores, targets) = (scores.reborrow(), targets.reborrow());
        Batch { scores, targets, element_weights: None, upstream: None, outputs: Outputs::default() }
    }

    /// Sets one weight an element (sigmoid losses and `bce`), of the scores' shape.
    #[must_use]
    pub fn element_weights<'w: 'a, E: Dimension>(mut self, weights: ArrayView<'w, f32, E>) -> Self {
        self.element_weights = Some(weights.into_dyn().reborrow());
        self
    }

    /// Sets the gradient that arrives at each unreduced loss (`Reduction::None` only), of the losses' shape.
    #[must_use]
    pub fn upstream<'u: 'a, E: Dimension>(mut self, upstream: ArrayView<'u, f32, E>) -> Self {
        self.upstream = Some(upstream.into_dyn().reborrow());
        self
    }

    /// Asks for the losses before reduction.
    #[must_use]
    pub fn with_losses(mut self) -> Self {
        self.outputs.losses = true;
        self
    }

    /// Asks for each row's log-sum-exp.
    #[must_use]
    pub fn with_lse(mut self) -> Self {
        self.outputs.lse = true;
        self
    }

    /// Asks for each row's highest class.
    #[must_use]
    pub fn with_argmax(mut self) -> Self {
        self.outputs.argmax = true;
        self
    }

    /// Asks for the number of rows whose highest score is at a true class.
    #[must_use]
    pub fn with_correct(mut self) -> Self {
        self.outputs.correct = true;
        self
    }

    /// Asks for no gradient: [`Output::grad`] is then empty.
    #[must_use]
    pub fn loss_only(mut self) -> Self {
        self.outputs.grad = false;
        self
    }
}

/// What a one-call loss returns.
#[derive(Debug, Clone)]
pub struct Output<T, D: Dimension> {
    /// The reduced loss; under [`Reduction::None`](crate::Reduction::None) the plain sum of `losses`.
    pub loss: f32,
    /// The gradient with respect to the scores, of their shape and type; all axes 0 long if it was not wanted.
    pub grad: Array<T, D>,
    /// The losses before reduction: `[N, d…]` for per-row losses, the scores' shape for the others.
    /// Present if wanted and under [`Reduction::None`](crate::Reduction::None).
    pub losses: Option<ArrayD<f32>>,
    /// Each row's log-sum-exp, `[N, d…]`, if wanted; 0 in ignored rows.
    pub lse: Option<ArrayD<f32>>,
    /// Each row's class with the highest score, `[N, d…]`, if wanted; `u32::MAX` in ignored rows and where the
    /// scores are NaN, hold `+∞`, or are all `−∞`.
    pub argmax: Option<ArrayD<u32>>,
    /// The number of rows whose highest score is at a true class, if wanted. For probabilities: at a class with the
    /// row's greatest target. Rows that are ignored, bad or without a true class do not count.
    pub correct: Option<u64>,
}

/// The layout of scores `[N, C, d…]` as rows: `N`, `C` and `D = d1·…·dk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The first dimension.
    pub n: usize,
    /// The number of classes.
    pub classes: usize,
    /// The product of the dimensions behind the classes; 1 for `[N, C]`.
    pub inner: usize,
}

impl Shape {
    /// `[n, classes]`.
    #[must_use]
    pub fn new(n: usize, classes: usize) -> Self {
        Shape { n, classes, inner: 1 }
    }

    /// `[n, classes, d…]` with `d…` multiplied out.
    #[must_use]
    pub fn spatial(n: usize, classes: usize, inner: usize) -> Self {
        Shape { n, classes, inner }
    }

    /// The shape of an array; `None` with fewer than two dimensions.
    #[must_use]
    pub fn of(dims: &[usize]) -> Option<Self> {
        match dims {
            [n, classes, inner @ ..] => {
                let inner = inner.iter().fold(1_usize, |product, length| product.saturating_mul(*length));
                Some(Shape { n: *n, classes: *classes, inner })
            }
            _ => None,
        }
    }

    /// Rows: `N·D`, or `usize::MAX` if there are more.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.n.saturating_mul(self.inner)
    }

    /// Elements of one `n`: `C·D`, or `usize::MAX` if there are more.
    pub(crate) fn slab(&self) -> usize {
        self.classes.saturating_mul(self.inner)
    }

    /// Elements: `N·C·D`, or `usize::MAX` if there are more.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.n.saturating_mul(self.slab())
    }
}
