//! Binary cross-entropy, under the names of Burn's own.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Int, Shape, Tensor};

use crate::Reduction;
use crate::config::init;
use crate::error::Error;
use crate::plan::{Kind, Spec};
use crate::run::{Given, as_rows, as_scores, run};

/// The options of [`BinaryCrossEntropyLoss`]: those of `burn::nn::loss::BinaryCrossEntropyLossConfig`, and more.
#[derive(Config, Debug)]
pub struct BinaryCrossEntropyLossConfig {
    /// One weight a class, positive: it multiplies the losses of that class (the last dimension). In one dimension it is
    /// one for the label 0 and one for 1.
    pub weights: Option<Vec<f32>>,
    /// Label smoothing in [0, 1], as Burn has it: `y·(1 − a) + a/C`, with C the last dimension; 2 in one dimension.
    pub smoothing: Option<f32>,
    /// Whether the input is logits; else it is probabilities, in [0, 1].
    #[config(default = false)]
    pub logits: bool,
    /// How the losses of elements are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// The weight of each class's positive term, as PyTorch's `pos_weight`; with logits only.
    pub pos_weights: Option<Vec<f32>>,
    /// Added to each class's logit, one number a class; with logits only.
    pub class_bias: Option<Vec<f32>>,
    /// What the mean divides by in place of the number of elements.
    pub denominator: Option<f32>,
}

init!(BinaryCrossEntropyLossConfig => BinaryCrossEntropyLoss);

impl BinaryCrossEntropyLossConfig {
    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<BinaryCrossEntropyLoss, Error> {
        let option = |option, got: f32, expected| {
            Error::Loss(gpu_loss::Error::Option { option, got: got.to_string(), expected })
        };
        if let Some(smoothing) = self.smoothing.filter(|smoothing| !(0.0..=1.0).contains(smoothing)) {
            return Err(option("smoothing", smoothing, "a number in [0, 1]"));
        }
        if let Some(weight) = self.weights.iter().flatten().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
            return Err(option("weights", *weight, "positive numbers"));
        }
        let mut spec = Spec::plain(if self.logits { Kind::SigmoidCe } else { Kind::Bce });
        spec.reduction = self.reduction.reduce();
        spec.denominator = self.denominator;
        if self.logits {
            spec.pos_weight = self.pos_weights.clone();
            spec.class_bias = self.class_bias.clone();
        }
        // Both say how many classes there are; without either, any number will do.
        spec.check(spec.pos_weight.as_ref().or(spec.class_bias.as_ref()).map_or(1, Vec::len))?;
        Ok(BinaryCrossEntropyLoss { spec: Arc::new(spec), weights: self.weights.clone(), smoothing: self.smoothing })
    }
}

/// Binary cross-entropy, fused: forward and backward each read the scores once; nothing is kept between them but the
/// scores and the targets.
///
/// Made by [`BinaryCrossEntropyLossConfig`]. On devices that are not shared it is composed of Burn's own operations.
#[derive(Module, Debug)]
pub struct BinaryCrossEntropyLoss {
    #[module(skip)]
    spec: Arc<Spec>,
    #[module(skip)]
    weights: Option<Vec<f32>>,
    #[module(skip)]
    smoothing: Option<f32>,
}

impl BinaryCrossEntropyLoss {
    /// The loss, `[1]`; with [`Reduction::None`] the losses of all elements one after another.
    ///
    /// # Shapes
    /// - logits: `[N]`, `[N, C]` or `[N, C, d…]`
    /// - targets: the same, each 0 or 1
    ///
    /// # Panics
    /// If the shapes do not go together, as Burn's own does: see [`try_forward`](Self::try_forward).
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D, Int>) -> Tensor<1> {
        self.try_forward(logits, targets).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward), with an error where the tensors do not go together.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn try_forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D, Int>) -> Result<Tensor<1>, Error> {
        let weights = self.element_weights(targets.clone())?;
        if self.smoothing.is_none() && weights.is_none() {
            let hot = as_scores("targets", targets.not_equal_scalar(0), &logits)?;
            return run(&self.spec, logits, Given::MultiHot(hot));
        }
        let soft = self.smoothed(targets.float());
        self.soft(logits, soft, weights)
    }

    /// Against probabilities of the logits' shape, which no gradient goes to. Weights are those of the classes in the last
    /// dimension.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward_probabilities<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Result<Tensor<1>, Error> {
        let weights = self.element_weights(targets.clone().greater_equal_scalar(0.5).int())?;
        let soft = self.smoothed(targets);
        self.soft(logits, soft, weights)
    }

    /// Against one true class a row: its element's target is 1, all others' 0. It has neither weights nor smoothing.
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

    /// Against the true classes of row `r` in increasing order at `indices[offsets[r]..offsets[r + 1]]`. It has neither
    /// weights nor smoothing.
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

    fn soft<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
        weights: Option<Tensor<D>>,
    ) -> Result<Tensor<1>, Error> {
        let targets = as_scores("targets", targets, &logits)?;
        let given = match weights {
            Some(weights) => Given::Weighted(targets, as_scores("weights", weights, &logits)?),
            None => Given::Probabilities(targets),
        };
        run(&self.spec, logits, given)
    }

    fn smoothed<const D: usize>(&self, targets: Tensor<D>) -> Tensor<D> {
        let Some(smoothing) = self.smoothing else { return targets };
        let dims = targets.dims();
        let classes = if D > 1 { dims[D - 1] } else { 2 };
        targets * (1.0 - smoothing) + smoothing / classes as f32
    }

    /// The weights at the elements, as Burn spreads them.
    fn element_weights<const D: usize>(&self, targets: Tensor<D, Int>) -> Result<Option<Tensor<D>>, Error> {
        let Some(weights) = &self.weights else { return Ok(None) };
        let dims = targets.dims();
        let needed = if D > 1 { dims[D - 1] } else { 2 };
        if weights.len() != needed {
            return Err(Error::Shape { what: "weights", got: vec![weights.len()], expected: format!("[{needed}]") });
        }
        let device = targets.device();
        let weights = Tensor::<1>::from_floats(weights.as_slice(), &device);
        Ok(Some(if D > 1 {
            weights.expand(Shape::from(dims))
        } else {
            weights.gather(0, targets.flatten(0, 0)).expand(Shape::from(dims))
        }))
    }
}
