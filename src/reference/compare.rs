//! Whether results keep the promised accuracy.

use ndarray::{Array, ArrayD, Dimension};

use super::{LinearReference, Reference};
use crate::batch::{Dtype, Element, Output};
use crate::linear::LinearOutput;
use crate::loss::Reduction;

/// How far results lie from the reference, as ratios to what is promised: at most 1 keeps the promise.
///
/// Promised are: losses and log-sum-exps within `2e-6 + 1e-5·|loss|`; gradients within
/// `ρ·|g| + 1e-6·max|g| + 4e-7·terms`, ρ = 2e-5 for f32, 1e-3 for f16 (and half a subnormal step), 4e-3 for bf16, where
/// [`terms`](Reference::terms) are what cancels where predictions are close to their targets. NaN must meet NaN, and an
/// infinity its like; what is beyond the result's type is an infinity.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Difference {
    /// Of the reduced loss; 0 where losses are not reduced: nobody asked for their sum, and it may overflow.
    pub loss: f64,
    /// Of the unreduced losses, the worst.
    pub losses: f64,
    /// Of the log-sum-exps, the worst.
    pub lse: f64,
    /// Of the true classes' log-probabilities, the worst.
    pub log_prob: f64,
    /// Of the entropies, the worst.
    pub entropy: f64,
    /// Of the gradient with respect to the class bias, the worst.
    pub grad_class_bias: f64,
    /// Of the gradient, the worst.
    pub grad: f64,
    /// The largest absolute difference of a loss, reduced or not.
    pub loss_absolute: f64,
    /// The largest absolute difference in the gradient.
    pub grad_absolute: f64,
    /// Rows whose highest class, correctness or rank differs.
    pub argmax: u64,
}

impl Difference {
    /// Whether all of the promise is kept.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.worst() <= 1.0 && self.argmax == 0
    }

    /// The worst ratio.
    #[must_use]
    pub fn worst(&self) -> f64 {
        [self.losses, self.lse, self.grad, self.log_prob, self.entropy, self.grad_class_bias]
            .into_iter()
            .fold(self.loss, f64::max)
    }
}

/// Compares an output with what it must come to; outputs that were not wanted are passed over.
#[must_use]
pub fn compare<T: Element, D: Dimension>(output: &Output<T, D>, reference: &Reference) -> Difference {
    let mut difference = Difference::default();
    let loss_limit = |want: f64| 2e-6 + 1e-5 * want.abs();
    let mut losses = |got: f64, want: f64| {
        let ratio = error_ratio(got, want, loss_limit(want), F32_MOST);
        if ratio.is_finite() && want.is_finite() {
            difference.loss_absolute = difference.loss_absolute.max((got - want).abs());
        }
        ratio
    };
    if reference.reduction != Reduction::None {
        difference.loss = losses(f64::from(output.loss), reference.loss);
    }
    if let Some(got) = &output.losses {
        difference.losses = worst(got.iter().zip(&reference.losses).map(|(g, w)| losses(f64::from(*g), *w)));
    }
    let alike = |got: &Option<ArrayD<f32>>, want: &Option<ArrayD<f64>>| match (got, want) {
        (Some(got), Some(want)) => {
            worst(got.iter().zip(want).map(|(g, w)| error_ratio(f64::from(*g), *w, loss_limit(*w), F32_MOST)))
        }
        _ => 0.0,
    };
    difference.lse = alike(&output.lse, &reference.lse);
    difference.log_prob = alike(&output.log_prob, &reference.log_prob);
    difference.entropy = alike(&output.entropy, &reference.entropy);
    difference.grad_class_bias = bias_ratio(output, reference);
    if let Some(grad) = &output.grad {
        (difference.grad, difference.grad_absolute) = of_gradient(grad, reference);
    }
    difference.argmax = rows_apart(output, reference);
    difference
}

/// The worst ratio of a gradient, and its largest absolute difference.
fn of_gradient<T: Element, D: Dimension>(grad: &Array<T, D>, reference: &Reference) -> (f64, f64) {
    let most = most::<T>();
    let representable = reference.grad.iter().map(|g| g.abs()).filter(|g| *g < most);
    let largest = representable.fold(0.0_f64, f64::max);
    let (relative, floor) = match T::DTYPE {
        Dtype::F32 => (2e-5, 0.0),
        Dtype::F16 => (1e-3, 0.5_f64.powi(25)),
        Dtype::Bf16 => (4e-3, 0.0),
    };
    // Below f32's normal numbers a device may write 0.
    let limit = |want: f64, terms: f64| relative * want.abs() + 1e-6 * largest + 4e-7 * terms + floor + 1.2e-38;
    let (mut ratio, mut absolute) = (0.0_f64, 0.0_f64);
    let mut element = |got: f64, want: f64, terms: f64| {
        ratio = ratio.max(error_ratio(got, want, limit(want, terms), most));
        if got.is_finite() && want.is_finite() {
            absolute = absolute.max((got - want).abs());
        }
    };
    match (grad.as_slice(), reference.grad.as_slice(), reference.terms.as_slice()) {
        // As slices in a third of the time.
        (Some(got), Some(want), Some(terms)) => {
            got.iter().zip(want.iter().zip(terms)).for_each(|(g, (w, t))| element(g.to_f64(), *w, *t));
        }
        _ => {
            let wanted = reference.grad.iter().zip(&reference.terms);
            grad.iter().zip(wanted).for_each(|(g, (w, t))| element(g.to_f64(), *w, *t));
        }
    }
    (ratio, absolute)
}

/// Rows whose highest class, correctness or rank differs.
fn rows_apart<T: Element, D: Dimension>(output: &Output<T, D>, reference: &Reference) -> u64 {
    let mut apart = 0;
    if let (Some(got), Some(want)) = (&output.argmax, &reference.argmax) {
        apart += got.iter().zip(want).filter(|(g, w)| g != w).count() as u64;
    }
    if let (Some(got), Some(want), Some(slack)) = (&output.rank, &reference.rank, &reference.rank_slack) {
        let pairs = got.iter().zip(want).zip(slack);
        apart += pairs.filter(|((g, w), slack)| g.abs_diff(**w) > **slack).count() as u64;
    }
    if let (Some(got), Some(want)) = (output.correct, reference.correct) {
        apart += got.abs_diff(want);
    }
    apart
}

/// The worst ratio of a gradient with respect to the class bias: what is promised of each gradient, summed over the rows.
fn bias_ratio<T: Element, D: Dimension>(output: &Output<T, D>, reference: &Reference) -> f64 {
    let (Some(got), Some(want), Some(terms)) =
        (&output.grad_class_bias, &reference.grad_class_bias, &reference.class_bias_terms)
    else {
        return 0.0;
    };
    let largest = terms.iter().copied().filter(|terms| terms.is_finite()).fold(0.0_f64, f64::max);
    let limit = |terms: f64| 2e-5 * terms + 1e-6 * largest + 1.2e-38;
    let pairs = got.iter().zip(want.iter().zip(terms));
    worst(pairs.map(|(got, (want, terms))| error_ratio(f64::from(*got), *want, limit(*terms), F32_MOST)))
}

/// Compares what a linear loss comes to with what it must be; outputs that were not wanted are passed over.
///
/// Losses, log-sum-exps and log-probabilities as [`Difference`] has them, f32 gradients within 5e-5 of the largest of their
/// matrix, gradients of hidden states in f16 within 1e-3 and in bf16 within 4e-3 of it.
#[must_use]
pub fn compare_linear<T: Element>(output: &LinearOutput<T>, reference: &LinearReference) -> Difference {
    let mut difference = Difference::default();
    let loss_limit = |want: f64| 2e-6 + 1e-5 * want.abs();
    let mut losses = |got: f64, want: f64| {
        if got.is_finite() && want.is_finite() {
            difference.loss_absolute = difference.loss_absolute.max((got - want).abs());
        }
        error_ratio(got, want, loss_limit(want), F32_MOST)
    };
    if reference.reduction != Reduction::None {
        difference.loss = losses(f64::from(output.loss), reference.loss);
    }
    difference.losses = worst(output.losses.iter().zip(&reference.losses).map(|(g, w)| losses(f64::from(*g), *w)));
    let of_rows = |got: &ndarray::Array1<f32>, want: &mut dyn Iterator<Item = &f64>| {
        worst(got.iter().zip(want).map(|(g, w)| error_ratio(f64::from(*g), *w, loss_limit(*w), F32_MOST)))
    };
    if let Some(lse) = &output.lse {
        difference.lse = of_rows(lse, &mut reference.lse.iter());
    }
    if let Some(log_probs) = &output.log_probs {
        difference.losses = difference.losses.max(of_rows(log_probs, &mut reference.log_probs.iter()));
    }
    let mut products = |got: &mut dyn Iterator<Item = f64>, want: &mut dyn Iterator<Item = &f64>, ratio: f64, most| {
        let want: Vec<f64> = want.copied().collect();
        let largest = want.iter().filter(|w| w.is_finite()).fold(0.0_f64, |largest, w| largest.max(w.abs()));
        for (got, want) in got.zip(&want) {
            difference.grad = difference.grad.max(error_ratio(got, *want, ratio * largest + 1.2e-38, most));
            if got.is_finite() && want.is_finite() {
                difference.grad_absolute = difference.grad_absolute.max((got - want).abs());
            }
        }
    };
    if let Some(grad) = &output.grad_hidden {
        let ratio = match T::DTYPE {
            Dtype::F32 => 5e-5,
            Dtype::F16 => 1e-3,
            Dtype::Bf16 => 4e-3,
        };
        products(&mut grad.iter().map(|g| g.to_f64()), &mut reference.grad_hidden.iter(), ratio, most::<T>());
    }
    if let Some(grad) = &output.grad_weight {
        products(&mut grad.iter().map(|g| f64::from(*g)), &mut reference.grad_weight.iter(), 5e-5, F32_MOST);
    }
    if let Some(grad) = &output.grad_bias {
        products(&mut grad.iter().map(|g| f64::from(*g)), &mut reference.grad_bias.iter(), 5e-5, F32_MOST);
    }
    if let Some(got) = &output.argmax {
        difference.argmax = got.iter().zip(&reference.argmax).filter(|(g, w)| g != w).count() as u64;
    }
    if let Some(got) = output.correct {
        difference.argmax += got.abs_diff(reference.correct);
    }
    difference
}

/// What rounds to infinity in f32.
const F32_MOST: f64 = f32::MAX as f64 * (1.0 + 1.0 / (1_u32 << 25) as f64);

/// What rounds to infinity in the gradient's type.
fn most<T: Element>() -> f64 {
    match T::DTYPE {
        Dtype::F16 => 65_520.0,
        Dtype::F32 => F32_MOST,
        Dtype::Bf16 => f64::from(f32::MAX) * (1.0 - 1.0 / 512.0),
    }
}

/// The part of `limit` that a difference takes up; infinite where NaN or infinities do not meet their like. What reaches
/// `most` is an infinity, and so may be what comes as close to it as the limit is wide.
fn error_ratio(got: f64, want: f64, limit: f64, most: f64) -> f64 {
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() && want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got == want {
        return 0.0;
    }
    if got.is_infinite() {
        let due = got.signum() == want.signum() && want.abs() + limit >= most;
        return if due { 0.0 } else { f64::INFINITY };
    }
    // An infinity's own limit is infinite: their quotient would be NaN, which every later maximum passes over.
    if want.is_finite() { (got - want).abs() / limit } else { f64::INFINITY }
}

fn worst(ratios: impl Iterator<Item = f64>) -> f64 {
    ratios.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::{F32_MOST, error_ratio};

    #[test]
    fn a_finite_number_where_an_infinity_is_due_breaks_the_promise() {
        // As compare() calls it: the limit of an infinite loss is infinite itself.
        let error_ratio = |got, want| error_ratio(got, want, 1e-5 * f64::abs(want), F32_MOST);
        assert_eq!(error_ratio(1.0, f64::INFINITY), f64::INFINITY);
        assert_eq!(error_ratio(f64::NEG_INFINITY, f64::INFINITY), f64::INFINITY);
        assert_eq!(error_ratio(f64::INFINITY, f64::INFINITY), 0.0);
        assert_eq!(error_ratio(f64::NAN, f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn what_f32_cannot_hold_is_an_infinity() {
        let error_ratio = |got, want| error_ratio(got, want, 1e-5 * f64::abs(want), F32_MOST);
        assert_eq!(error_ratio(f64::INFINITY, 1e39), 0.0);
        assert_eq!(error_ratio(f64::NEG_INFINITY, -1e39), 0.0);
        assert_eq!(error_ratio(f64::INFINITY, -1e39), f64::INFINITY);
        assert_eq!(error_ratio(f64::INFINITY, 1e38), f64::INFINITY);
        assert!(error_ratio(1e38, 1e39) > 1.0);
        // Either side of the border, where a rounding decides.
        assert_eq!(error_ratio(f64::INFINITY, 3.40282e38), 0.0);
        assert!(error_ratio(f64::from(f32::MAX), 3.40283e38) < 1.0);
    }
}
