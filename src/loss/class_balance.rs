//! Class-balanced weights, from how many samples each class has.

use crate::error::{Error, Result};

/// Weights of classes by the effective number of their samples (Cui et al. 2019, "Class-Balanced Loss"): in proportion to
/// `(1 − β) / (1 − β^n)` for `n` samples, and adding up to the number of classes that have any. A class without samples has
/// weight 0.
///
/// β = 0 weighs all alike, β towards 1 by `1/n`; 0.99 to 0.9999 is usual. For
/// [`SoftmaxCe::class_weights`](crate::SoftmaxCe::class_weights) and the like.
///
/// ```
/// use gpu_loss::SoftmaxCe;
/// use gpu_loss::loss::class_balanced_weights;
/// let weights = class_balanced_weights(&[1000, 10], 0.99)?;
/// assert!(weights[1] > 10.0 * weights[0] && (weights[0] + weights[1] - 2.0).abs() < 1e-6);
/// let loss = SoftmaxCe::default().class_weights(weights);
/// # Ok::<(), gpu_loss::Error>(())
/// ```
///
/// # Errors
/// [`Error::Option`] for a β outside of [0, 1).
pub fn class_balanced_weights(samples: &[u64], beta: f64) -> Result<Vec<f32>> {
    if !(0.0..1.0).contains(&beta) {
        return Err(Error::Option { option: "beta", got: beta.to_string(), expected: "a number in [0, 1)" });
    }
    // 1 − β^n by expm1, which keeps its digits where β is close to 1.
    let weight = |n: u64| if n == 0 { 0.0 } else { (1.0 - beta) / -(n as f64 * beta.ln()).exp_m1() };
    let weights: Vec<f64> = samples.iter().map(|n| weight(*n)).collect();
    let present = samples.iter().filter(|n| **n > 0).count() as f64;
    let sum: f64 = weights.iter().sum();
    Ok(weights.iter().map(|weight| if sum > 0.0 { (weight * (present / sum)) as f32 } else { 0.0 }).collect())
}

#[cfg(test)]
mod tests {
    use super::class_balanced_weights;

    #[test]
    fn weights_by_hand() {
        // (1 − 1/2)/(1 − 1/2) = 1, (1/2)/(3/4) = 2/3, none: times 2/(5/3) = 1.2.
        assert_eq!(class_balanced_weights(&[1, 2, 0], 0.5).expect("in range"), [1.2, 0.8, 0.0]);
        assert_eq!(class_balanced_weights(&[7, 1], 0.0).expect("in range"), [1.0, 1.0]);
        assert_eq!(class_balanced_weights(&[0, 0], 0.9).expect("in range"), [0.0, 0.0]);
        assert_eq!(class_balanced_weights(&[], 0.9).expect("in range"), []);
        // β close to 1 weighs by 1/n.
        let weights = class_balanced_weights(&[1, 3], 1.0 - 1e-12).expect("in range");
        assert!((weights[0] - 1.5).abs() < 1e-6 && (weights[1] - 0.5).abs() < 1e-6, "{weights:?}");
        for beta in [-0.1, 1.0, f64::NAN] {
            assert!(class_balanced_weights(&[1], beta).is_err(), "{beta}");
        }
    }
}
