//! Softmax cross-entropy, under the names of Burn's own.

use std::sync::Arc;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, DType, Device, Int, Tensor};

use crate::Reduction;
use crate::config::init;
use crate::device::gpu_of;
use crate::error::Error;
use crate::plan::{Form, Job, Kind, Reduce, Spec};
use crate::run::{Given, as_rows, as_scores, run, warm_up};

/// The options of [`CrossEntropyLoss`]: those of `burn::nn::loss::CrossEntropyLossConfig`, and more.
///
/// ```no_run
/// use gpu_loss_burn::{CrossEntropyLossConfig, Reduction};
/// # let (device, logits, targets): (burn::tensor::Device, burn::Tensor<2>, burn::Tensor<1, burn::tensor::Int>) = todo!();
/// let loss = CrossEntropyLossConfig::new()
///     .with_pad_tokens(Some(vec![0]))
///     .with_smoothing(Some(0.1))
///     .with_z_loss(1e-4)
///     .init(&device)
///     .forward(logits, targets);
/// ```
#[derive(Config, Debug)]
pub struct CrossEntropyLossConfig {
    /// Labels whose rows have loss and gradient 0 and are not counted in the mean.
    pub pad_tokens: Option<Vec<usize>>,
    /// One weight a class, at least 0. The mean divides by the weights of the labels.
    pub weights: Option<Vec<f32>>,
    /// Label smoothing in [0, 1]: the share of each row's target that is spread evenly over all classes.
    pub smoothing: Option<f32>,
    /// Whether the input is logits; else it is probabilities, in [0, 1].
    #[config(default = true)]
    pub logits: bool,
    /// How the losses of rows are reduced.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
    /// One more label whose rows count for nothing, a negative one as well: PyTorch's −100, say.
    pub ignore_index: Option<i64>,
    /// `z`: adds `z·lse²` to each row's loss.
    #[config(default = 0.0)]
    pub z_loss: f32,
    /// Bounds the logits: `cap·tanh(logit/cap)`.
    pub softcap: Option<f32>,
    /// Multiplies the logits, before the softcap.
    #[config(default = 1.0)]
    pub logit_scale: f32,
    /// Added to each class's score behind scale and softcap, one number a class: logit adjustment, balanced softmax.
    pub class_bias: Option<Vec<f32>>,
    /// `β`: takes `β·H` from each row's loss, `H` its entropy, so that training keeps distributions wide.
    #[config(default = 0.0)]
    pub entropy_coefficient: f32,
    /// What the mean divides by in place of its own count: tokens of all batches under gradient accumulation.
    pub denominator: Option<f32>,
    /// Bytes that the logits of a chunk of rows may take in [`linear_cross_entropy`](crate::linear_cross_entropy); 256 MiB by
    /// default. A chunk has at least one row.
    #[config(default = "256 << 20")]
    pub memory: u64,
}

init!(CrossEntropyLossConfig => CrossEntropyLoss);

impl CrossEntropyLossConfig {
    /// As [`init`](Self::init), with an error for options outside their range.
    ///
    /// # Errors
    /// The first option that is outside its range.
    pub fn try_init(&self, _: &Device) -> Result<CrossEntropyLoss, Error> {
        let mut spec = Spec::plain(if self.logits { Kind::SoftmaxCe } else { Kind::Ce });
        spec.reduction = self.reduction.reduce();
        spec.label_smoothing = self.smoothing.unwrap_or(0.0);
        spec.class_weights = self.weights.clone();
        spec.denominator = self.denominator;
        if self.logits {
            spec.z_loss = self.z_loss;
            spec.softcap = self.softcap;
            spec.logit_scale = self.logit_scale;
            spec.class_bias = self.class_bias.clone();
            spec.entropy_coefficient = self.entropy_coefficient;
        }
        let pads: Vec<i64> = self.pad_tokens.iter().flatten().map(|pad| *pad as i64).collect();
        spec.ignore_index = self.ignore_index.or(pads.first().copied());
        // Both say how many classes there are; without either, any number will do.
        spec.check(self.weights.as_ref().or(spec.class_bias.as_ref()).map_or(1, Vec::len))?;
        let pads = pads.into_iter().filter(|pad| Some(*pad) != spec.ignore_index).collect();
        Ok(CrossEntropyLoss { spec: Arc::new(spec), pads, memory: self.memory })
    }
}

/// Softmax cross-entropy of logits against classes, fused: the forward pass reads the logits once and keeps 32 bytes a
/// row, the backward pass reads them once more and writes the gradient over them where nobody else holds them.
///
/// Made by [`CrossEntropyLossConfig`]. On devices that are not shared it is composed of Burn's own operations.
#[derive(Module, Debug)]
pub struct CrossEntropyLoss {
    #[module(skip)]
    spec: Arc<Spec>,
    /// Pad tokens beside the one that the kernels skip.
    #[module(skip)]
    pads: Vec<i64>,
    /// Bytes of the logits of a chunk, behind a linear layer.
    #[module(skip)]
    memory: u64,
}

impl CrossEntropyLoss {
    /// For compatibility with Burn's own.
    pub fn new(pad_index: Option<usize>, device: &Device) -> Self {
        CrossEntropyLossConfig::new().with_pad_tokens(pad_index.map(|pad| vec![pad])).init(device)
    }

    /// The loss, `[1]`; with [`Reduction::None`] the losses of all rows one after another.
    ///
    /// # Shapes
    /// - logits: `[N, C]` or `[N, C, d…]`
    /// - targets: `[N]` or `[N, d…]`
    ///
    /// # Panics
    /// If the shapes do not go together, as Burn's own does: see [`try_forward`](Self::try_forward).
    pub fn forward<const D: usize, const T: usize>(&self, logits: Tensor<D>, targets: Tensor<T, Int>) -> Tensor<1> {
        self.try_forward(logits, targets).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward), with an error where the tensors do not go together.
    ///
    /// # Errors
    /// Shapes or types that do not go together. Labels that name no class are found on the device:
    /// [`check`](crate::check()).
    pub fn try_forward<const D: usize, const T: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<T, Int>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::Classes(self.labels(&logits, targets)?);
        run(&self.spec, logits, given)
    }

    /// The losses of all rows in the targets' shape, whatever the reduction.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize, const T: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<T, Int>,
    ) -> Tensor<T> {
        let shape = targets.shape();
        let mut spec = Spec::clone(&self.spec);
        spec.reduction = Reduce::None;
        let each = CrossEntropyLoss { spec: Arc::new(spec), ..self.clone() };
        each.forward(logits, targets).reshape(shape)
    }

    /// Makes ready for logits of this shape: kernels are tested on this driver and built, which takes a moment at the
    /// first use otherwise. On a device that is not shared there is nothing to do.
    ///
    /// # Errors
    /// What the device cannot do.
    pub fn warm_up(&self, device: &Device, shape: &[usize], dtype: impl Into<DType>) -> Result<(), Error> {
        let (Some(gpu), [n, classes, inner @ ..]) = (gpu_of(device), shape) else { return Ok(()) };
        let job = Job { spec: Arc::clone(&self.spec), shape: [*n, *classes, inner.iter().product()], part: false };
        let labels = device.settings().int_dtype.into();
        warm_up(&gpu, &job, dtype.into(), Form::Classes(labels))
    }

    /// Against probabilities of the logits' shape (distillation, mixup), which no gradient goes to.
    ///
    /// # Errors
    /// Shapes that do not go together; pad tokens or an `ignore_index`, which go with classes only.
    pub fn forward_probabilities<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::Probabilities(as_scores("targets", targets, &logits)?);
        run(&self.spec, logits, given)
    }

    /// Against several true classes a row, each of them 1/M: `targets` of the logits' shape says which. A row without one
    /// has loss and gradient 0.
    ///
    /// # Errors
    /// As [`forward_probabilities`](Self::forward_probabilities).
    pub fn forward_multi_hot<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D, Bool>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::MultiHot(as_scores("targets", targets, &logits)?);
        run(&self.spec, logits, given)
    }

    /// As [`forward_multi_hot`](Self::forward_multi_hot), with the classes of row `r` in increasing order at
    /// `indices[offsets[r]..offsets[r + 1]]`.
    ///
    /// # Errors
    /// As [`forward_probabilities`](Self::forward_probabilities). Lists that mean nothing are found on the device:
    /// [`check`](crate::check()).
    pub fn forward_lists<const D: usize>(
        &self,
        logits: Tensor<D>,
        offsets: Tensor<1, Int>,
        indices: Tensor<1, Int>,
    ) -> Result<Tensor<1>, Error> {
        run(&self.spec, logits, Given::Lists(offsets, indices))
    }

    /// One label a row, every pad token the one that is skipped.
    fn labels<const D: usize, const T: usize>(
        &self,
        logits: &Tensor<D>,
        targets: Tensor<T, Int>,
    ) -> Result<Tensor<1, Int>, Error> {
        Ok(self.padded(as_rows(targets, logits)?))
    }

    /// Every pad token the one that is skipped.
    pub(crate) fn padded(&self, mut labels: Tensor<1, Int>) -> Tensor<1, Int> {
        if let Some(ignored) = self.spec.ignore_index {
            for pad in &self.pads {
                let padded = labels.clone().equal_scalar(*pad);
                labels = labels.mask_fill(padded, ignored);
            }
        }
        labels
    }

    pub(crate) fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }
}
