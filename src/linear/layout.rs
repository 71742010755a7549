//! What a linear plan is made for.

use crate::batch::Dtype;
use crate::error::{Error, Result};
use crate::layout::{IntegerType, Upstream};
use crate::loss::{Reduction, Spec};

/// What a [`LinearPlan`](super::LinearPlan) is made for: `hidden [rows, hidden]`, `weight [vocabulary, hidden]`, labels `[rows]`.
///
/// ```
/// use gpu_loss::Dtype;
/// use gpu_loss::linear::LinearLayout;
/// // A language model's head, whose hidden states are frozen.
/// let layout = LinearLayout::new(2048, 768, 50_257, Dtype::Bf16).grad_hidden(false);
/// assert!(layout.grad_weight && !layout.is_evaluation());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LinearLayout {
    /// `N`: rows of the hidden states.
    pub rows: usize,
    /// `H`: the length of a hidden state.
    pub hidden: usize,
    /// `V`: the number of classes.
    pub vocabulary: usize,
    /// The type of hidden states, weights, bias, and of the gradient of the hidden states.
    pub dtype: Dtype,
    /// The type of the labels.
    pub integers: IntegerType,
    /// Whether there is a bias.
    pub bias: bool,
    /// Whether the gradient of the hidden states is wanted.
    pub grad_hidden: bool,
    /// Whether the gradient of the weights is wanted, in f32 whatever the type.
    pub grad_weight: bool,
    /// Whether the gradient of the bias is wanted, in f32 whatever the type.
    pub grad_bias: bool,
    /// Whether the gradients of weights and bias are added to what their buffers hold (gradient accumulation).
    pub accumulate: bool,
    /// The gradient that arrives.
    pub upstream: Upstream,
    /// Whether the mean's denominator is in a buffer, one f32.
    pub denominator: bool,
    /// Whether log-sum-exps are wanted.
    pub lse: bool,
    /// Whether highest classes are wanted.
    pub argmax: bool,
    /// Whether rows are counted whose highest class is the true one.
    pub correct: bool,
    /// Whether the log-probabilities of the true classes are wanted: of an evaluation alone.
    pub log_probs: bool,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    )*};
}

impl LinearLayout {
    /// Loss and the gradients of hidden states and weights, labels as i64.
    #[must_use]
    pub fn new(rows: usize, hidden: usize, vocabulary: usize, dtype: Dtype) -> Self {
        LinearLayout {
            rows,
            hidden,
            vocabulary,
            dtype,
            integers: IntegerType::I64,
            bias: false,
            grad_hidden: true,
            grad_weight: true,
            grad_bias: false,
            accumulate: false,
            upstream: Upstream::One,
            denominator: false,
            lse: false,
            argmax: false,
            correct: false,
            log_probs: false,
        }
    }

    /// Losses alone: no gradient, and no logits.
    #[must_use]
    pub fn evaluation(rows: usize, hidden: usize, vocabulary: usize, dtype: Dtype) -> Self {
        LinearLayout { grad_hidden: false, grad_weight: false, ..Self::new(rows, hidden, vocabulary, dtype) }
    }

    setters! {
        /// Sets the type of the labels.
        integers: IntegerType;
        /// Sets whether there is a bias.
        bias: bool;
        /// Sets whether the gradient of the hidden states is wanted.
        grad_hidden: bool;
        /// Sets whether the gradient of the weights is wanted.
        grad_weight: bool;
        /// Sets whether the gradient of the bias is wanted.
        grad_bias: bool;
        /// Sets whether the gradients of weights and bias are added to what their buffers hold.
        accumulate: bool;
        /// Sets the gradient that arrives.
        upstream: Upstream;
        /// Sets whether the mean's denominator is in a buffer.
        denominator: bool;
        /// Sets whether log-sum-exps are wanted.
        lse: bool;
        /// Sets whether highest classes are wanted.
        argmax: bool;
        /// Sets whether correct rows are counted.
        correct: bool;
        /// Sets whether the log-probabilities of the true classes are wanted.
        log_probs: bool;
    }

    /// Whether no gradient is wanted.
    #[must_use]
    pub fn is_evaluation(&self) -> bool {
        !(self.grad_hidden || self.grad_weight || self.grad_bias)
    }

    /// Elements from one row of a chunk's logits to the next: whole vectors.
    pub(crate) fn logits_stride(&self) -> u64 {
        self.vocabulary.next_multiple_of(4) as u64
    }

    /// Whether lines of hidden states and weights begin on vectors.
    pub(crate) fn on_vectors(&self) -> bool {
        self.hidden.is_multiple_of(4)
    }

    pub(crate) fn hidden_bytes(&self) -> u64 {
        (self.rows as u64).saturating_mul(self.hidden as u64).saturating_mul(self.dtype.size() as u64)
    }

    pub(crate) fn weight_bytes(&self) -> u64 {
        (self.vocabulary as u64).saturating_mul(self.hidden as u64).saturating_mul(self.dtype.size() as u64)
    }

    /// Refuses what has no meaning, or is more than 32 bits count.
    pub(crate) fn check(&self, spec: &Spec) -> Result<()> {
        super::options::check(spec)?;
        let refuse = |problem: String| Err(Error::Layout { problem });
        for (what, got) in [("rows", self.rows), ("hidden", self.hidden), ("vocabulary", self.vocabulary)] {
            if got == 0 {
                return refuse(format!("{what} is 0, expected at least 1"));
            }
        }
        const MOST: u64 = 1 << 31;
        let matrices = [
            ("the hidden states' elements", self.rows as u64, self.hidden as u64),
            ("the weights' elements", self.vocabulary as u64, self.hidden as u64),
        ];
        for (what, lines, length) in matrices {
            let needed = lines.saturating_mul(length);
            if needed > MOST {
                let what = what.to_owned();
                return Err(Error::Limit { limit: "32-bit positions", got: MOST, needed, what });
            }
        }
        // Labels of a chunk are one word, of which negative ones are marks; the highest class passes as an exact f32.
        let classes = if self.argmax || self.correct { 1 << 24 } else { i32::MAX as u64 };
        for (what, got, most) in [("rows", self.rows as u64, 1 << 24), ("classes", self.vocabulary as u64, classes)] {
            if got > most {
                let what = format!("linear_ce with so many {what}");
                return Err(Error::Limit { limit: "row and class numbers", got: most, needed: got, what });
            }
        }
        if self.grad_bias && !self.bias {
            return refuse("the gradient of the bias is wanted, but there is no bias".to_owned());
        }
        if self.log_probs && !self.is_evaluation() {
            return refuse("log-probabilities belong to an evaluation: ask for no gradient beside them".to_owned());
        }
        if self.upstream != Upstream::One && self.is_evaluation() {
            return refuse("an upstream gradient arrives, but no gradient is wanted".to_owned());
        }
        if self.upstream == Upstream::PerLoss && spec.reduction != Reduction::None {
            let reduction = spec.reduction;
            return refuse(format!("one upstream gradient a loss goes with the reduction None, not {reduction:?}"));
        }
        if self.denominator && (spec.reduction != Reduction::Mean || spec.denominator.is_some()) {
            return refuse("a denominator buffer goes with the reduction Mean without another denominator".to_owned());
        }
        Ok(())
    }
}
