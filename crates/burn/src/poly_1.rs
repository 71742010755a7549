//! Poly-1 cross-entropy (Leng et al. 2022), which Burn has not.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use crate::Reduction;
use crate::error::Error;
use crate::plan::{Kind, Spec};
use crate::run::{Given, as_rows, run};

/// The options of [`Poly1Loss`].
///
/// ```no_run
/// use gpu_loss_burn::Poly1LossConfig;
/// # let (device, logits, targets): (burn::tensor::Device, burn::Tensor<2>, burn::Tensor<1, burn::tensor::Int>) = todo!();
/// let loss = Poly1LossConfig::new().with_epsilon(2.0).init(&device).forward(logits, targets);
/// ```
#[derive(Config, Debug)]
pub struct Poly1LossConfig {
    /// `ε`, the factor of `1 − p_y`, at least −1; 0 is the plain cross-entropy.
    #[config(default = 1.0)]
    pub epsilon: f32,
    /// One weight a class, at least 0. The mean divides by the weights of the labels.
    pub weights: Option<Vec<f32>>,
    /// A label whose rows count for nothing.
    pub ignore_index: Option<i64>,
    /// How the losses of rows are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// What the mean divides by in place of its own count.
    pub denominator: Option<f32>,
}

impl Poly1LossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    /// If an option is outside its range: see [`try_init`](Self::try_init).
    pub fn init(&self, device: &Device) -> Poly1Loss {
        self.try_init(device).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<Poly1Loss, Error> {
        let mut spec = Spec::plain(Kind::Poly1);
        spec.epsilon = self.epsilon;
        spec.class_weights = self.weights.clone();
        spec.ignore_index = self.ignore_index;
        spec.reduction = self.reduction.reduce();
        spec.denominator = self.denominator;
        spec.check(self.weights.as_ref().map_or(1, Vec::len))?;
        Ok(Poly1Loss { spec: Arc::new(spec) })
    }
}

/// Poly-1 cross-entropy of a softmax: `w_y·(−log p_y + ε·(1 − p_y))`, fused.
#[derive(Module, Debug)]
pub struct Poly1Loss {
    #[module(skip)]
    spec: Arc<Spec>,
}

impl Poly1Loss {
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
