//! Focal losses (Lin et al. 2017), which Burn has not.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::Reduction;
use crate::error::Error;
use crate::plan::{Kind, Spec};
use crate::run::{Given, as_rows, as_scores, run};

/// The options of [`FocalLoss`].
#[derive(Config, Debug)]
pub struct FocalLossConfig {
    /// The focusing exponent, at least 0; 0 is the plain cross-entropy.
    #[config(default = 2.0)]
    pub gamma: f32,
    /// One weight a class, at least 0.
    pub weights: Option<Vec<f32>>,
    /// A label whose rows count for nothing.
    pub ignore_index: Option<i64>,
    /// How the losses of rows are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// What the mean divides by in place of its own count.
    pub denominator: Option<f32>,
}

impl FocalLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    /// If an option is outside its range: see [`try_init`](Self::try_init).
    pub fn init(&self, device: &Device) -> FocalLoss {
        self.try_init(device).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<FocalLoss, Error> {
        let mut spec = Spec::plain(Kind::SoftmaxFocal);
        spec.gamma = self.gamma;
        spec.class_weights = self.weights.clone();
        spec.ignore_index = self.ignore_index;
        spec.reduction = self.reduction.reduce();
        spec.denominator = self.denominator;
        spec.check(self.weights.as_ref().map_or(1, Vec::len))?;
        Ok(FocalLoss { spec: Arc::new(spec) })
    }
}

/// Focal loss of a softmax: `w_y·(1 − p_y)^γ·(−log p_y)`, fused.
#[derive(Module, Debug)]
pub struct FocalLoss {
    #[module(skip)]
    spec: Arc<Spec>,
}

impl FocalLoss {
    /// The loss of logits `[N, C]` or `[N, C, d…]` against classes `[N]` or `[N, d…]`.
    ///
    /// # Panics
    /// If the shapes do not go together: see [`try_forward`](Self::try_forward).
    pub fn forward<const D: usize, const T: usize>(&self, logits: Tensor<D>, targets: Tensor<T, Int>) -> Tensor<1> {
        self.try_forward(logits, targets).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward), with an error where the tensors do not go together.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn try_forward<const D: usize, const T: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<T, Int>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::Classes(as_rows(targets, &logits)?);
        run(&self.spec, logits, given)
    }
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

impl SigmoidFocalLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    /// If an option is outside its range: see [`try_init`](Self::try_init).
    pub fn init(&self, device: &Device) -> SigmoidFocalLoss {
        self.try_init(device).unwrap_or_else(|error| panic!("{error}"))
    }

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
