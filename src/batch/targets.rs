//! What scores are compared with: classes, lists, multi-hot marks or probabilities.

use half::{bf16, f16};
use ndarray::{ArrayBase, ArrayView, ArrayViewD, Data, Dimension};

use super::sealed::Sealed;
use super::{Dtype, Integer, Integers};
use crate::loss::TargetForm;

/// The multi-hot byte of a label that is not known, for losses of elements: no loss, no gradient, and not counted in a mean.
pub const MISSING_LABEL: u8 = 255;

/// What the scores are compared with, in one of five forms.
///
/// A conversion tells the form by the type: integers (`i32`, `i64`, `u32`; slices, vectors, arrays and views) are classes,
/// `u8` and `bool` views multi-hot, and views of floats (`f32`, [`f16`](struct@f16), [`bf16`]) probabilities. Lists have
/// two arrays, and [`Targets::lists`]; a teacher's scores are told apart by [`Targets::logits`].
///
/// ```
/// use gpu_loss::{Targets, batch::TargetForm};
/// let (labels, marks) = (vec![0_i64, 2], ndarray::array![[true, false, false], [false, true, true]]);
/// assert_eq!(Targets::from(&labels).form(), TargetForm::Classes);
/// assert_eq!(Targets::from(&marks).form(), TargetForm::MultiHot);
/// assert_eq!(Targets::lists(&[0, 1, 3], &[0, 1, 2]).form(), TargetForm::Lists);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Targets<'a> {
    /// One class a row, of shape `[N, d…]`.
    Classes(Integers<'a>),
    /// A list of true classes a row (CSR): row `r` has `indices[offsets[r]..offsets[r + 1]]`, strictly increasing.
    Lists {
        /// `[rows + 1]`, from 0 up to `indices.len()`.
        offsets: Integers<'a>,
        /// The classes of all rows.
        indices: Integers<'a>,
    },
    /// One mark an element, 0 or 1, of the scores' shape; for losses of elements also [`MISSING_LABEL`].
    MultiHot(MultiHot<'a>),
    /// One probability an element, of the scores' shape; used as given, not renormalised.
    Probabilities(Probabilities<'a>),
    /// A teacher's scores, of the scores' shape; for [`Distillation`](crate::loss::Distillation) alone.
    Logits(Logits<'a>),
}

/// Multi-hot marks as they are held, of the scores' shape.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MultiHot<'a> {
    /// Bytes, 0 or 1.
    U8(ArrayViewD<'a, u8>),
    /// Booleans.
    Bool(ArrayViewD<'a, bool>),
}

impl MultiHot<'_> {
    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            MultiHot::U8(a) => a.shape(),
            MultiHot::Bool(a) => a.shape(),
        }
    }

    /// The marks in row-major order, as bytes.
    pub fn iter(&self) -> Box<dyn Iterator<Item = u8> + '_> {
        match self {
            MultiHot::U8(a) => Box::new(a.iter().copied()),
            MultiHot::Bool(a) => Box::new(a.iter().map(|mark| u8::from(*mark))),
        }
    }

    fn reborrow<'b>(self) -> MultiHot<'b>
    where
        Self: 'b,
    {
        match self {
            MultiHot::U8(a) => MultiHot::U8(a.reborrow()),
            MultiHot::Bool(a) => MultiHot::Bool(a.reborrow()),
        }
    }
}

/// Probabilities as they are held, of the scores' shape. The device takes f32: 16-bit ones are widened on the way, exactly.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Probabilities<'a> {
    /// 32-bit floats.
    F32(ArrayViewD<'a, f32>),
    /// 16-bit IEEE floats.
    F16(ArrayViewD<'a, f16>),
    /// bfloat16.
    Bf16(ArrayViewD<'a, bf16>),
}

impl Probabilities<'_> {
    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Probabilities::F32(a) => a.shape(),
            Probabilities::F16(a) => a.shape(),
            Probabilities::Bf16(a) => a.shape(),
        }
    }

    /// The values in row-major order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = f32> + '_> {
        match self {
            Probabilities::F32(a) => Box::new(a.iter().copied()),
            Probabilities::F16(a) => Box::new(a.iter().map(|value| value.to_f32())),
            Probabilities::Bf16(a) => Box::new(a.iter().map(|value| value.to_f32())),
        }
    }

    fn reborrow<'b>(self) -> Probabilities<'b>
    where
        Self: 'b,
    {
        match self {
            Probabilities::F32(a) => Probabilities::F32(a.reborrow()),
            Probabilities::F16(a) => Probabilities::F16(a.reborrow()),
            Probabilities::Bf16(a) => Probabilities::Bf16(a.reborrow()),
        }
    }
}

/// A teacher's scores as they are held, of the scores' shape and any of their types.
#[derive(Debug, Clone)]
pub struct Logits<'a>(pub(crate) Probabilities<'a>);

impl Logits<'_> {
    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// The type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match self.0 {
            Probabilities::F32(_) => Dtype::F32,
            Probabilities::F16(_) => Dtype::F16,
            Probabilities::Bf16(_) => Dtype::Bf16,
        }
    }

    /// The values in row-major order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = f32> + '_> {
        self.0.iter()
    }
}

/// An element type whose views are targets: `i32`, `i64` and `u32` for classes, `u8` and `bool` for multi-hot, `f32`,
/// [`f16`](struct@f16) and [`bf16`] for probabilities.
pub trait TargetElement: Sized + Sealed {
    /// The targets that such a view is.
    fn targets(view: ArrayViewD<'_, Self>) -> Targets<'_>;
}

macro_rules! target_elements {
    ($($element:ident => |$view:ident| $targets:expr;)*) => {$(
        impl TargetElement for $element {
            fn targets($view: ArrayViewD<'_, Self>) -> Targets<'_> {
                $targets
            }
        }
    )*};
}

target_elements! {
    i32 => |view| Targets::Classes(Integers::I32(view));
    i64 => |view| Targets::Classes(Integers::I64(view));
    u32 => |view| Targets::Classes(Integers::U32(view));
    u8 => |view| Targets::MultiHot(MultiHot::U8(view));
    bool => |view| Targets::MultiHot(MultiHot::Bool(view));
    f32 => |view| Targets::Probabilities(Probabilities::F32(view));
    f16 => |view| Targets::Probabilities(Probabilities::F16(view));
    bf16 => |view| Targets::Probabilities(Probabilities::Bf16(view));
}

impl<'a, E: TargetElement, D: Dimension> From<ArrayView<'a, E, D>> for Targets<'a> {
    fn from(view: ArrayView<'a, E, D>) -> Self {
        E::targets(view.into_dyn())
    }
}

impl<'a, E: TargetElement, S: Data<Elem = E>, D: Dimension> From<&'a ArrayBase<S, D>> for Targets<'a> {
    fn from(array: &'a ArrayBase<S, D>) -> Self {
        E::targets(array.view().into_dyn())
    }
}

impl<'a, I: Integer> From<&'a [I]> for Targets<'a> {
    fn from(labels: &'a [I]) -> Self {
        Targets::Classes(labels.into())
    }
}

impl<'a, I: Integer> From<&'a Vec<I>> for Targets<'a> {
    fn from(labels: &'a Vec<I>) -> Self {
        Targets::Classes(labels.into())
    }
}

impl<'a, I: Integer, const LEN: usize> From<&'a [I; LEN]> for Targets<'a> {
    fn from(labels: &'a [I; LEN]) -> Self {
        Targets::Classes(labels.into())
    }
}

impl<'a> Targets<'a> {
    /// One class a row, of shape `[N, d…]`.
    pub fn classes(labels: impl Into<Integers<'a>>) -> Self {
        Targets::Classes(labels.into())
    }

    /// A list of true classes a row (CSR): row `r` has `indices[offsets[r]..offsets[r + 1]]`, strictly increasing;
    /// `offsets` is `[rows + 1]`, from 0 up to `indices.len()`.
    pub fn lists(offsets: impl Into<Integers<'a>>, indices: impl Into<Integers<'a>>) -> Self {
        Targets::Lists { offsets: offsets.into(), indices: indices.into() }
    }

    /// Multi-hot bytes of any dimension.
    pub fn multi_hot<D: Dimension>(bytes: ArrayView<'a, u8, D>) -> Self {
        bytes.into()
    }

    /// Probabilities of any dimension.
    pub fn probabilities<D: Dimension>(probabilities: ArrayView<'a, f32, D>) -> Self {
        probabilities.into()
    }

    /// A teacher's scores, an array or view of `f32`, [`f16`](struct@f16) or [`bf16`] of any dimension.
    ///
    /// ```
    /// use gpu_loss::{Targets, batch::TargetForm};
    /// let teacher = ndarray::array![[2.0_f32, 0.5], [0.1, 0.2]];
    /// assert_eq!(Targets::logits(&teacher).form(), TargetForm::Logits);
    /// ```
    pub fn logits(teacher: impl Into<Targets<'a>>) -> Self {
        match teacher.into() {
            Targets::Probabilities(values) => Targets::Logits(Logits(values)),
            other => other,
        }
    }

    /// Whether some mark says that a label is not known.
    pub(crate) fn have_missing(&self) -> bool {
        matches!(self, Targets::MultiHot(MultiHot::U8(bytes)) if bytes.iter().any(|byte| *byte == MISSING_LABEL))
    }

    /// The same targets, borrowed for a shorter time (which the compiler cannot do by itself: views do not vary with
    /// their lifetimes).
    pub(crate) fn reborrow<'b>(self) -> Targets<'b>
    where
        'a: 'b,
    {
        match self {
            Targets::Classes(labels) => Targets::Classes(labels.reborrow()),
            Targets::Lists { offsets, indices } => {
                Targets::Lists { offsets: offsets.reborrow(), indices: indices.reborrow() }
            }
            Targets::MultiHot(marks) => Targets::MultiHot(marks.reborrow()),
            Targets::Probabilities(values) => Targets::Probabilities(values.reborrow()),
            Targets::Logits(Logits(values)) => Targets::Logits(Logits(values.reborrow())),
        }
    }

    /// Which of the forms.
    #[must_use]
    pub fn form(&self) -> TargetForm {
        match self {
            Targets::Classes(_) => TargetForm::Classes,
            Targets::Lists { .. } => TargetForm::Lists,
            Targets::MultiHot(_) => TargetForm::MultiHot,
            Targets::Probabilities(_) => TargetForm::Probabilities,
            Targets::Logits(_) => TargetForm::Logits,
        }
    }
}

impl std::fmt::Debug for Targets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Targets::{:?}", self.form())
    }
}
