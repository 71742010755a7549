//! *What* is computed: one options struct per loss, and the rules that its values must keep.
//!
//! Each struct's `Default` is the plain textbook loss. Nothing here knows wgpu: a loss becomes a
//! [`Spec`], the common form that plans and the reference read.

#[macro_use]
mod setters;

mod asymmetric;
mod bce;
mod ce;
mod check;
mod class_balance;
mod distillation;
mod flags;
mod info_nce;
mod option;
mod poly_1;
mod registry;
mod sigmoid_ce;
mod sigmoid_focal;
mod softmax_ce;
mod softmax_focal;
mod spec;
mod target_form;

pub use asymmetric::Asymmetric;
pub use bce::Bce;
pub use ce::Ce;
pub use class_balance::class_balanced_weights;
pub use distillation::{Distillation, Divergence};
pub(crate) use flags::Flags;
pub use info_nce::InfoNce;
pub use option::OptionName;
pub use poly_1::Poly1;
pub use registry::Family;
pub use sigmoid_ce::SigmoidCe;
pub use sigmoid_focal::SigmoidFocal;
pub use softmax_ce::SoftmaxCe;
pub use softmax_focal::SoftmaxFocal;
pub use spec::{Kind, Spec};
pub use target_form::TargetForm;

/// How the losses of rows (or elements) become the loss that is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Reduction {
    /// One loss a row (softmax losses, [`Ce`]) or an element (sigmoid losses, [`Bce`]).
    /// The gradient is that of `Σ upstream·loss`, with `upstream = 1` unless given.
    None,
    /// The sum.
    Sum,
    /// The mean: over the valid rows' class weights for class targets, over rows for other targets
    /// of softmax losses, over elements for sigmoid losses; or over an explicit `denominator`.
    #[default]
    Mean,
    /// The sum divided by `N`, the first dimension.
    BatchMean,
}

impl Reduction {
    /// All reductions.
    pub const ALL: &'static [Reduction] = &[Reduction::None, Reduction::Sum, Reduction::Mean, Reduction::BatchMean];

    /// The name, as the program takes it: `none`, `sum`, `mean`, `batch-mean`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reduction::None => "none",
            Reduction::Sum => "sum",
            Reduction::Mean => "mean",
            Reduction::BatchMean => "batch-mean",
        }
    }
}

impl std::fmt::Display for Reduction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What a mean over nothing is (every row ignored, or no rows). The gradient is 0 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EmptyMean {
    /// NaN, as PyTorch has it.
    #[default]
    Nan,
    /// 0.
    Zero,
}

impl EmptyMean {
    pub(crate) fn value(self) -> f32 {
        match self {
            EmptyMean::Nan => f32::NAN,
            EmptyMean::Zero => 0.0,
        }
    }
}

/// A loss: any of the options structs of this module.
///
/// Sealed: the losses of this crate are all there are.
pub trait Loss: sealed::Sealed + Send + Sync {
    /// The loss in the common form, its options not yet checked.
    fn spec(&self) -> Spec;
}

mod sealed {
    pub trait Sealed {}
}
