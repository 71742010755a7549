//! Distillation from a teacher's logits, which Burn has as its `KLDivLoss` over two softmaxes, in one of three directions.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::Reduction;
use crate::config::init;
use crate::error::Error;
use crate::plan::{self, Kind, Spec};
use crate::run::{Given, as_scores, run};

/// How far the student's distribution is from the teacher's.
#[derive(Config, Debug, PartialEq, Eq, Copy)]
pub enum Divergence {
    /// `KL(t‖p) = Σ t·log(t/p)`: the student covers all that the teacher finds likely.
    ForwardKl,
    /// `KL(p‖t) = Σ p·log(p/t)`: the student keeps to what the teacher finds likely.
    ReverseKl,
    /// `λ·KL(t‖m) + (1−λ)·KL(p‖m)` with `m = λ·t + (1−λ)·p`: between the two, and bounded.
    JensenShannon,
}

/// The options of [`DistillationLoss`].
///
/// ```no_run
/// use gpu_loss_burn::{DistillationLossConfig, Divergence};
/// # let (device, student, teacher): (burn::tensor::Device, burn::Tensor<2>, burn::Tensor<2>) = todo!();
/// let loss = DistillationLossConfig::new()
///     .with_temperature(2.0)
///     .with_divergence(Divergence::ReverseKl)
///     .init(&device)
///     .forward(student, teacher);
/// ```
#[derive(Config, Debug)]
pub struct DistillationLossConfig {
    /// `τ`, above 0: what both sides' logits are divided by.
    #[config(default = 1.0)]
    pub temperature: f32,
    /// Which divergence.
    #[config(default = "Divergence::ForwardKl")]
    pub divergence: Divergence,
    /// `λ` of Jensen–Shannon, between 0 and 1 and neither; it counts for nothing else.
    #[config(default = 0.5)]
    pub lambda: f32,
    /// Whether the loss is multiplied by `τ²`, so that its gradient keeps its size whatever the temperature.
    #[config(default = false)]
    pub times_temperature_squared: bool,
    /// How the losses of rows are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// What the mean divides by in place of the number of rows.
    pub denominator: Option<f32>,
}

init!(DistillationLossConfig => DistillationLoss);

impl DistillationLossConfig {
    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<DistillationLoss, Error> {
        let mut spec = Spec::plain(Kind::Distillation);
        spec.temperature = self.temperature;
        spec.divergence = match self.divergence {
            Divergence::ForwardKl => plan::Divergence::ForwardKl,
            Divergence::ReverseKl => plan::Divergence::ReverseKl,
            Divergence::JensenShannon => plan::Divergence::JensenShannon,
        };
        spec.lambda = self.lambda;
        spec.times_temperature_squared = self.times_temperature_squared;
        spec.reduction = self.reduction.reduce();
        spec.denominator = self.denominator;
        spec.check(1)?;
        Ok(DistillationLoss { spec: Arc::new(spec) })
    }
}

/// A divergence between the distributions of a student and its teacher, fused: both softmaxes are computed in the kernel.
/// Nothing is kept between forward and backward but the logits of both.
///
/// Made by [`DistillationLossConfig`]. On devices that are not shared it is composed of Burn's own operations.
#[derive(Module, Debug)]
pub struct DistillationLoss {
    #[module(skip)]
    spec: Arc<Spec>,
}

impl DistillationLoss {
    /// The loss, `[1]`; with [`Reduction::None`] the losses of all rows one after another. No gradient goes to the teacher.
    ///
    /// # Shapes
    /// - student: `[N, C]` or `[N, C, d…]`
    /// - teacher: the same; its type may be another
    ///
    /// # Panics
    /// If the shapes do not go together: see [`try_forward`](Self::try_forward).
    pub fn forward<const D: usize>(&self, student: Tensor<D>, teacher: Tensor<D>) -> Tensor<1> {
        self.try_forward(student, teacher).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward), with an error where the tensors do not go together.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn try_forward<const D: usize>(&self, student: Tensor<D>, teacher: Tensor<D>) -> Result<Tensor<1>, Error> {
        let given = Given::Teacher(as_scores("teacher", teacher, &student)?);
        run(&self.spec, student, given)
    }
}
