//! Host arrays of a linear loss, and what comes out of them.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Ix1, Ix2};

use super::layout::LinearLayout;
use crate::batch::{Element, Integers, Scores, Targets};
use crate::error::{Error, Result};
use crate::layout::Upstream;
use crate::loss::{Reduction, Spec};

/// Hidden states `[N, H]`, weights `[V, H]`, an optional bias `[V]` and class labels `[N]`, on the host, and what is wanted of
/// them.
///
/// ```
/// use gpu_loss::linear::LinearBatch;
/// let hidden = ndarray::array![[1.0_f32, 0.5], [0.0, -1.0], [2.0, 0.0]];
/// let weight = ndarray::array![[0.1_f32, 0.2], [0.3, -0.4]];
/// let batch = LinearBatch::new(&hidden, &weight, &[0, 1, 1]).with_lse();
/// assert!(batch.grad_hidden && batch.grad_weight);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct LinearBatch<'a, T> {
    /// The hidden states, `[N, H]`.
    pub hidden: ArrayView2<'a, T>,
    /// The weights, `[V, H]`.
    pub weight: ArrayView2<'a, T>,
    /// The labels, `[N]`: [`Targets::Classes`].
    pub targets: Targets<'a>,
    /// The bias, `[V]`.
    pub bias: Option<ArrayView1<'a, T>>,
    /// The gradient that arrives at each row's loss, `[N]`, under [`Reduction::None`].
    pub upstream: Option<ArrayView1<'a, f32>>,
    /// Whether the gradient of the hidden states is wanted; not where they are frozen.
    pub grad_hidden: bool,
    /// Whether the gradient of the weights (and of the bias, if there is one) is wanted; not where they are frozen.
    pub grad_weight: bool,
    /// Whether log-sum-exps are wanted.
    pub lse: bool,
    /// Whether highest classes are wanted.
    pub argmax: bool,
    /// Whether rows are counted whose highest class is the true one.
    pub correct: bool,
    /// Whether the log-probabilities of the true classes are wanted, in an evaluation.
    pub log_probs: bool,
}

impl<T> std::fmt::Debug for LinearBatch<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinearBatch(hidden {:?}, weight {:?})", self.hidden.shape(), self.weight.shape())
    }
}

impl<'a, T: Element> LinearBatch<'a, T> {
    /// A batch whose loss and gradients are wanted: hidden states and weights as views or references to arrays, and labels as
    /// [`Batch::new`](crate::Batch::new) takes them.
    pub fn new<'t: 'a>(
        hidden: impl Scores<'a, Element = T, Dimension = Ix2>,
        weight: impl Scores<'a, Element = T, Dimension = Ix2>,
        targets: impl Into<Targets<'t>>,
    ) -> Self {
        LinearBatch {
            hidden: hidden.scores(),
            weight: weight.scores(),
            targets: targets.into().reborrow(),
            bias: None,
            upstream: None,
            grad_hidden: true,
            grad_weight: true,
            lse: false,
            argmax: false,
            correct: false,
            log_probs: false,
        }
    }

    /// Sets the bias, `[V]`.
    #[must_use]
    pub fn bias(mut self, bias: impl Scores<'a, Element = T, Dimension = Ix1>) -> Self {
        self.bias = Some(bias.scores());
        self
    }

    /// Sets the gradient that arrives at each row's loss.
    #[must_use]
    pub fn upstream(mut self, upstream: impl Scores<'a, Element = f32, Dimension = Ix1>) -> Self {
        self.upstream = Some(upstream.scores());
        self
    }

    /// Asks for no gradient of the hidden states.
    #[must_use]
    pub fn frozen_hidden(mut self) -> Self {
        self.grad_hidden = false;
        self
    }

    /// Asks for no gradient of weights and bias.
    #[must_use]
    pub fn frozen_weight(mut self) -> Self {
        self.grad_weight = false;
        self
    }

    /// Asks for no gradient: an evaluation.
    #[must_use]
    pub fn loss_only(self) -> Self {
        self.frozen_hidden().frozen_weight()
    }

    /// Asks for each row's log-sum-exp.
    #[must_use]
    pub fn with_lse(mut self) -> Self {
        self.lse = true;
        self
    }

    /// Asks for each row's highest class.
    #[must_use]
    pub fn with_argmax(mut self) -> Self {
        self.argmax = true;
        self
    }

    /// Asks for the number of rows whose highest class is the true one.
    #[must_use]
    pub fn with_correct(mut self) -> Self {
        self.correct = true;
        self
    }

    /// Asks for the log-probability of each row's true class; in an evaluation alone.
    #[must_use]
    pub fn with_log_probs(mut self) -> Self {
        self.log_probs = true;
        self
    }

    /// The labels.
    pub(crate) fn labels(&self) -> Result<&Integers<'a>> {
        match &self.targets {
            Targets::Classes(labels) => Ok(labels),
            other => Err(Error::Unsupported {
                loss: "linear_ce",
                got: format!("targets in the form {}", other.form().name()),
                expected: "classes, one integer a row",
            }),
        }
    }

    /// Checks all shapes.
    pub(crate) fn check(&self, spec: &Spec) -> Result<()> {
        let (rows, hidden) = self.hidden.dim();
        let (classes, length) = self.weight.dim();
        if classes == 0 {
            return Err(Error::NoClasses { got: vec![rows, classes] });
        }
        spec.check(classes)?;
        super::options::check(spec)?;
        let same = |what, got: &[usize], expected: &[usize]| match got == expected {
            true => Ok(()),
            false => Err(Error::Shape { what, got: got.to_vec(), expected: expected.to_vec() }),
        };
        same("weight", &[classes, length], &[classes, hidden])?;
        same("targets", self.labels()?.shape(), &[rows])?;
        if let Some(bias) = &self.bias {
            same("bias", bias.shape(), &[classes])?;
        }
        if let Some(upstream) = &self.upstream {
            same("upstream", upstream.shape(), &[rows])?;
            if spec.reduction != Reduction::None {
                return Err(Error::Unsupported {
                    loss: "linear_ce",
                    got: "upstream with a reduction".to_owned(),
                    expected: "upstream with the reduction None only",
                });
            }
        }
        Ok(())
    }

    /// The layout of a plan for it.
    pub(crate) fn layout(&self) -> LinearLayout {
        let ((rows, hidden), classes) = (self.hidden.dim(), self.weight.nrows());
        let integers = self.labels().map(Integers::integer_type).unwrap_or_default();
        let any = self.grad_hidden || self.grad_weight;
        LinearLayout {
            integers,
            bias: self.bias.is_some(),
            grad_hidden: self.grad_hidden,
            grad_weight: self.grad_weight,
            grad_bias: self.grad_weight && self.bias.is_some(),
            upstream: if self.upstream.is_some() && any { Upstream::PerLoss } else { Upstream::One },
            lse: self.lse,
            argmax: self.argmax,
            correct: self.correct,
            log_probs: self.log_probs,
            ..LinearLayout::new(rows, hidden, classes, T::DTYPE)
        }
    }
}

/// What a linear loss on host arrays returns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinearOutput<T> {
    /// The reduced loss; under [`Reduction::None`] the plain sum of `losses`. Perplexity is its exponential.
    pub loss: f32,
    /// The losses before reduction, `[N]`.
    pub losses: Array1<f32>,
    /// The gradient of the hidden states, `[N, H]`, if wanted.
    pub grad_hidden: Option<Array2<T>>,
    /// The gradient of the weights, `[V, H]`, if wanted; f32 whatever their type.
    pub grad_weight: Option<Array2<f32>>,
    /// The gradient of the bias, `[V]`, if there is one and the weights' gradient is wanted; f32 whatever its type.
    pub grad_bias: Option<Array1<f32>>,
    /// Each row's log-sum-exp, if wanted; 0 in ignored rows.
    pub lse: Option<Array1<f32>>,
    /// Each row's highest class, if wanted; `u32::MAX` in ignored rows and where the logits are NaN.
    pub argmax: Option<Array1<u32>>,
    /// The number of rows whose highest class is the true one, if wanted.
    pub correct: Option<u64>,
    /// The log-probability of each row's true class, if wanted; 0 in ignored rows.
    pub log_probs: Option<Array1<f32>>,
}
