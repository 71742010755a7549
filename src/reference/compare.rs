//! Whether results keep the promised accuracy.

use ndarray::Dimension;

use super::Reference;
use crate::batch::{Dtype, Element, Output};

/// How far results lie from the reference, as shares of what is promised: at most 1 keeps the promise.
///
/// Promised are: losses and log-sum-exps within `2e-6 + 1e-5·|loss|`; f32 gradients within
/// `2e-5·|g| + 1e-6·max|g|`; f16 gradients within `1e-3·|g|` and half a subnormal step, bf16 gradients within
/// `4e-3·|g|`, both with f32's `1e-6·max|g|` for what cancels. NaN must meet NaN, and an infinity its like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Difference {
    /// Of the reduced loss.
    pub loss: f64,
    /// Of the unreduced losses, the worst.
    pub losses: f64,
    /// Of the log-sum-exps, the worst.
    pub lse: f64,
    /// Of the gradient, the worst.
    pub grad: f64,
    /// The largest absolute difference of a loss, reduced or not.
    pub loss_absolute: f64,
    /// The largest absolute difference in the gradient.
    pub grad_absolute: f64,
    /// Rows whose highest class or correctness differs.
    pub argmax: u64,
}

impl Difference {
    /// Whether all of the promise is kept.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.worst() <= 1.0 && self.argmax == 0
    }

    /// The worst share.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.loss.max(self.losses).max(self.lse).max(self.grad)
    }
}

/// Compares an output with what it must come to; outputs that were not wanted are passed over.
#[must_use]
pub fn compare<T: Element, D: Dimension>(output: &Output<T, D>, reference: &Reference) -> Difference {
    let mut difference = Difference::default();
    let loss_limit = |want: f64| 2e-6 + 1e-5 * want.abs();
    let mut losses = |got: f64, want: f64| {
        let share = share(got, want, loss_limit(want));
        if share.is_finite() && want.is_finite() {
            difference.loss_absolute = difference.loss_absolute.max((got - want).abs());
        }
        share
    };
    difference.loss = losses(f64::from(output.loss), reference.loss);
    if let Some(got) = &output.losses {
        difference.losses = worst(got.iter().zip(&reference.losses).map(|(g, w)| losses(f64::from(*g), *w)));
    }
    if let (Some(got), Some(want)) = (&output.lse, &reference.lse) {
        difference.lse = worst(got.iter().zip(want).map(|(g, w)| share(f64::from(*g), *w, loss_limit(*w))));
    }
    if output.grad.len() == reference.grad.len() {
        let largest = reference.grad.iter().filter(|g| g.is_finite()).fold(0.0_f64, |m, g| m.max(g.abs()));
        let (relative, floor) = match T::DTYPE {
            Dtype::F32 => (2e-5, 0.0),
            Dtype::F16 => (1e-3, 0.5_f64.powi(25)),
            Dtype::Bf16 => (4e-3, 0.0),
        };
        // Below f32's normal numbers a device may write 0.
        let limit = |want: f64| relative * want.abs() + 1e-6 * largest + floor + 1.2e-38;
        let pairs = output.grad.iter().map(|g| g.to_f64()).zip(reference.grad.iter().copied());
        for (got, want) in pairs {
            difference.grad = difference.grad.max(share(got, overflowed::<T>(want), limit(want)));
            if got.is_finite() && want.is_finite() {
                difference.grad_absolute = difference.grad_absolute.max((got - want).abs());
            }
        }
    }
    if let (Some(got), Some(want)) = (&output.argmax, &reference.argmax) {
        difference.argmax = got.iter().zip(want).filter(|(g, w)| g != w).count() as u64;
    }
    if let (Some(got), Some(want)) = (output.correct, reference.correct) {
        difference.argmax += got.abs_diff(want);
    }
    difference
}

/// A gradient beyond the type's range is the infinity of its sign.
fn overflowed<T: Element>(want: f64) -> f64 {
    let largest = match T::DTYPE {
        Dtype::F16 => 65_520.0,
        Dtype::F32 | Dtype::Bf16 => f64::from(f32::MAX),
    };
    if want.abs() >= largest { f64::INFINITY.copysign(want) } else { want }
}

/// The part of `limit` that a difference takes up; infinite where NaN or infinities do not meet their like.
fn share(got: f64, want: f64, limit: f64) -> f64 {
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() && want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got == want {
        return 0.0;
    }
    // An infinity's own limit is infinite: their quotient would be NaN, which every later maximum passes over.
    if got.is_finite() && want.is_finite() { (got - want).abs() / limit } else { f64::INFINITY }
}

fn worst(shares: impl Iterator<Item = f64>) -> f64 {
    shares.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_finite_number_where_an_infinity_is_due_breaks_the_promise() {
        // As compare() calls it: the limit of an infinite loss is infinite itself.
        assert_eq!(share(1.0, f64::INFINITY, f64::INFINITY), f64::INFINITY);
        assert_eq!(share(f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY), f64::INFINITY);
        assert_eq!(share(f64::INFINITY, f64::INFINITY, f64::INFINITY), 0.0);
        assert_eq!(share(f64::NAN, f64::INFINITY, f64::INFINITY), f64::INFINITY);
    }
}
