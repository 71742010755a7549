//! Asymmetric loss (Ridnik et al. 2021), which Burn has not.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::Reduction;
use crate::config::init;
use crate::error::Error;
use crate::plan::{Kind, Spec};
use crate::run::{Given, as_rows, as_scores, run};

/// The options of [`AsymmetricLoss`].
#[derive(Config, Debug)]
pub struct AsymmetricLossConfig {
    /// The focusing exponent of positives, at least 0.
    #[config(default = 1.0)]
    pub gamma_positive: f32,
    /// The focusing exponent of negatives, at least 0.
    #[config(default = 4.0)]
    pub gamma_negative: f32,
    /// What is taken off the probability of a negative, in [0, 1]: negatives below it have no loss.
    #[config(default = 0.05)]
    pub clip: f32,
    /// How the losses of elements are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// What the mean divides by in place of the number of elements.
    pub denominator: Option<f32>,
}

init!(AsymmetricLossConfig => AsymmetricLoss);

impl AsymmetricLossConfig {
    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<AsymmetricLoss, Error> {
        let mut spec = Spec::plain(Kind::Asymmetric);
        spec.gamma_positive = self.gamma_positive;
        spec.gamma_negative = self.gamma_negative;
        spec.clip = self.clip;
        spec.reduction = self.reduction.reduce();
        spec.denominator = self.denominator;
        spec.check(1)?;
        Ok(AsymmetricLoss { spec: Arc::new(spec) })
    }
}

/// Asymmetric loss of independent sigmoids, for many labels of which few are true: focal exponents of their own for
/// positives and negatives, and easy negatives clipped away. Fused.
#[derive(Module, Debug)]
pub struct AsymmetricLoss {
    #[module(skip)]
    spec: Arc<Spec>,
}

impl AsymmetricLoss {
    /// The loss against targets of the logits' shape, each true or false.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D, Bool>) -> Result<Tensor<1>, Error> {
        let given = Given::MultiHot(as_scores("targets", targets, &logits)?);
        run(&self.spec, logits, given)
    }

    /// The loss against one true class a row.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward_classes<const D: usize, const T: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<T, Int>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::Classes(as_rows(targets, &logits)?);
        run(&self.spec, logits, given)
    }

    /// The loss against the true classes of row `r` in increasing order at `indices[offsets[r]..offsets[r + 1]]`.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward_lists<const D: usize>(
        &self,
        logits: Tensor<D>,
        offsets: Tensor<1, Int>,
        indices: Tensor<1, Int>,
    ) -> Result<Tensor<1>, Error> {
        run(&self.spec, logits, Given::Lists(offsets, indices))
    }
}
