//! Focal losses (Lin et al. 2017), which Burn has not.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::Reduction;
use crate::config::{class_loss, init};
use crate::error::Error;
use crate::plan::{Kind, Spec};
use crate::run::{Given, as_rows, as_scores, run};

class_loss! {
    /// The options of [`FocalLoss`].
    FocalLossConfig {
        /// The focusing exponent, at least 0; 0 is the plain cross-entropy.
        #[config(default = 2.0)]
        gamma: f32
    }
    /// Focal loss of a softmax: `w_y·(1 − p_y)^γ·(−log p_y)`, fused.
    FocalLoss: Kind::SoftmaxFocal
}

/// The options of [`SigmoidFocalLoss`].
#[derive(Config, Debug)]
pub struct SigmoidFocalLossConfig {
    /// The focusing exponent, at least 0; 0 is the plain cross-entropy.
    #[config(default = 2.0)]
    pub gamma: f32,
    /// The balance in [0, 1] between positives (alpha) and negatives (1 − alpha); absent: 1 for both.
    pub alpha: Option<f32>,
    /// How the losses of elements are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// What the mean divides by in place of the number of elements: the number of boxes, say.
    pub denominator: Option<f32>,
}

init!(SigmoidFocalLossConfig => SigmoidFocalLoss);

impl SigmoidFocalLossConfig {
    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<SigmoidFocalLoss, Error> {
        let mut spec = Spec::plain(Kind::SigmoidFocal);
        spec.gamma = self.gamma;
        spec.alpha = self.alpha;
        spec.reduction = self.reduction.reduce();
        spec.denominator = self.denominator;
        spec.check(1)?;
        Ok(SigmoidFocalLoss { spec: Arc::new(spec) })
    }
}

/// Focal loss of independent sigmoids (RetinaNet), fused.
#[derive(Module, Debug)]
pub struct SigmoidFocalLoss {
    #[module(skip)]
    spec: Arc<Spec>,
}

impl SigmoidFocalLoss {
    /// The loss against targets of the logits' shape, each true or false.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D, Bool>) -> Result<Tensor<1>, Error> {
        let given = Given::MultiHot(as_scores("targets", targets, &logits)?);
        run(&self.spec, logits, given)
    }

    /// The loss against probabilities of the logits' shape, which no gradient goes to.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward_probabilities<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::Probabilities(as_scores("targets", targets, &logits)?);
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
}
