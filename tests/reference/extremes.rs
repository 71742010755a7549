//! The focal losses and poly-1 where probabilities end.

use gpu_loss::Reduction;
use gpu_loss::loss::Kind;
use ndarray::{ArrayD, IxDyn};

use crate::common::{Case, OwnedTargets, plain};
use crate::difference::derivative;
use crate::single;

/// The true class's score over the others': p_y goes from 1e-12 (27.63 below) to 1 − 1e-12 (27.63 above).
const GAPS: [f32; 9] = [-27.625, -20.0, -14.0, -3.0, 0.0, 3.0, 14.0, 20.0, 27.625];

/// The derivative here is relative to itself: at p_y = 1 − 1e-12 and γ = 5 the loss is 1e-72. The loss is smooth in
/// the scores (F'/F is about γ + 1), so that F's rounding, relative to F, is relative to F' as well: 1e-15 over the
/// smallest step 2⁻⁸ is 3e-13, and Richardson's rest ((γ+1)·2⁻⁶)⁶/64/7! is 3e-12 at γ = 5. Where p_y → 0 the
/// gradient by the true class is −1 at a loss of 27, as good; by the others it is p_j. Hence 1e-9 of each, and the
/// rounding of F where a class counts for nothing.
fn relative_gradient_is_the_derivative(case: &Case) {
    let got = case.reference().expect("a reference");
    assert!(got.loss.is_finite() && got.loss >= 0.0, "{}: {}", case.name, got.loss);
    for (at, g) in got.grad.iter().enumerate() {
        let expected = derivative(case, at);
        let limit = 1e-9 * g.abs() + 2e-12 * got.loss;
        assert!((g - expected).abs() <= limit, "{} {:?}: {at}: {g}, expected {expected}", case.name, case.spec);
        assert!(g.is_finite(), "{}: {g}", case.name);
    }
}

#[test]
fn softmax_focal_gradient_at_the_extremes() {
    for gamma in [0.0, 0.3, 1.0, 2.0, 5.0] {
        for gap in GAPS {
            let mut spec = plain(Kind::SoftmaxFocal);
            (spec.gamma, spec.reduction) = (gamma, Reduction::Sum);
            relative_gradient_is_the_derivative(&single(spec, &[0.0, gap, -8.0], 1));
        }
    }
}

/// Not at ε = −1, where a confident row's loss is the difference of two that are nearly equal.
#[test]
fn poly_1_gradient_at_the_extremes() {
    for epsilon in [-0.5, 0.0, 1.0, 5.0] {
        for gap in GAPS {
            let mut spec = plain(Kind::Poly1);
            (spec.epsilon, spec.reduction) = (epsilon, Reduction::Sum);
            relative_gradient_is_the_derivative(&single(spec, &[0.0, gap, -8.0], 1));
        }
    }
}

#[test]
fn sigmoid_focal_gradient_at_the_extremes() {
    for gamma in [0.0, 0.3, 1.0, 2.0, 5.0] {
        for (gap, t) in GAPS.iter().flat_map(|gap| [0.0, 0.25, 1.0].map(|t| (*gap, t))) {
            for alpha in [None, Some(0.25)] {
                let mut spec = plain(Kind::SigmoidFocal);
                (spec.gamma, spec.alpha, spec.reduction) = (gamma, alpha, Reduction::Sum);
                let mut case = single(spec, &[gap], 0);
                case.targets = OwnedTargets::Probabilities(ArrayD::from_elem(IxDyn(&[1, 1]), t));
                case.name = format!("sigmoid_focal {gap} against {t}");
                relative_gradient_is_the_derivative(&case);
            }
        }
    }
}

/// At p_y = 1 to the last digit (a gap of 800 underflows) and at p_y = 0, nothing is NaN, whatever γ.
#[test]
fn focal_beyond_the_extremes() {
    for gamma in [0.0, 0.3, 1.0, 2.0, 5.0] {
        let mut spec = plain(Kind::SoftmaxFocal);
        (spec.gamma, spec.reduction) = (gamma, Reduction::Sum);
        let sure = single(spec.clone(), &[0.0, 800.0], 1).reference().expect("a reference");
        // −log p_y is exp(−800) = 0 in float64; the gradient K·(p_y − 1) has a factor of 0.
        assert_eq!((sure.loss, sure.grad[[0, 0]], sure.grad[[0, 1]]), (0.0, 0.0, 0.0), "γ {gamma}");
        let wrong = single(spec, &[800.0, 0.0], 1).reference().expect("a reference");
        // −log p_y = 800, K = 1.
        assert_eq!((wrong.loss, wrong.grad[[0, 0]], wrong.grad[[0, 1]]), (800.0, 1.0, -1.0), "γ {gamma}");
    }
}

/// As above: a loss of exactly 0 where p_y = 1, and `−log p_y + ε` where p_y = 0.
#[test]
fn poly_1_beyond_the_extremes() {
    for epsilon in [-1.0, 0.0, 1.0, 5.0] {
        let mut spec = plain(Kind::Poly1);
        (spec.epsilon, spec.reduction) = (epsilon, Reduction::Sum);
        let sure = single(spec.clone(), &[0.0, 800.0], 1).reference().expect("a reference");
        assert_eq!((sure.loss, sure.grad[[0, 0]], sure.grad[[0, 1]]), (0.0, 0.0, 0.0), "ε {epsilon}");
        let wrong = single(spec, &[800.0, 0.0], 1).reference().expect("a reference");
        let loss = 800.0 + f64::from(epsilon);
        assert_eq!((wrong.loss, wrong.grad[[0, 0]], wrong.grad[[0, 1]]), (loss, 1.0, -1.0), "ε {epsilon}");
    }
}
