//! Class bias, margins, entropies, log-probabilities and ranks: by hand, and their gradients against finite differences.

use gpu_loss::Reduction;
use gpu_loss::batch::TargetForm;
use gpu_loss::loss::{Kind, Spec};
use ndarray::{ArrayD, IxDyn};

use crate::common::random::Random;
use crate::common::{Case, OwnedTargets, plain};
use crate::difference::*;
use crate::{all_near, near, single};

/// With its log-probabilities, entropies and ranks.
fn told(spec: Spec, scores: &[f32], label: i64) -> gpu_loss::reference::Reference {
    let mut case = single(spec, scores, label);
    case.more.outputs = true;
    case.reference().expect("a reference")
}

#[test]
fn log_prob_entropy_and_rank_by_hand() {
    // p = (0.6652410, 0.2447285, 0.0900306), lse = 2.4076060: H = lse − 2·p_0 − p_1 = 0.8323955.
    let got = told(plain(Kind::SoftmaxCe), &[2.0, 1.0, 0.0], 1);
    all_near(&got.log_prob.expect("classes"), &[1.0 - 2.407_605_964_444_38]);
    let p = [0.665_240_955_774_821_9, 0.244_728_471_054_797_64];
    all_near(&got.entropy.expect("wanted"), &[2.407_605_964_444_38 - 2.0 * p[0] - p[1]]);
    assert_eq!(got.rank.expect("classes")[0], 1);
}

#[test]
fn an_entropy_coefficient_by_hand() {
    // Two equal scores: H = ln 2 and no gradient of it; loss ln 2 − β·ln 2.
    let mut spec = plain(Kind::SoftmaxCe);
    spec.entropy_coefficient = 0.5;
    let got = told(spec.clone(), &[0.0, 0.0], 0);
    near(got.loss, 0.5 * std::f64::consts::LN_2);
    all_near(&got.grad, &[-0.5, 0.5]);
    // Scores ln 3 and 0: p = (3/4, 1/4), H = ln 4 − 3/4·ln 3; β·p_j·(log p_j + H) = 1/2·3/4·1/4·ln 3 and its opposite.
    let got = told(spec, &[3.0_f32.ln(), 0.0], 1);
    let ln3 = f64::from(3.0_f32.ln());
    let p = ln3.exp() / (1.0 + ln3.exp());
    let entropy = (1.0 + ln3.exp()).ln() - p * ln3;
    near(got.loss, (1.0 + ln3.exp()).ln() - 0.5 * entropy);
    let more = 0.5 * p * (1.0 - p) * ln3;
    all_near(&got.grad, &[p + more, -p - more]);
}

#[test]
fn margins_by_hand() {
    let margin = |m1, m2, m3, x: f32| {
        let mut spec = plain(Kind::SoftmaxCe);
        (spec.margin_multiplier, spec.margin_angle, spec.margin_cosine, spec.logit_scale) = (m1, m2, m3, 2.0);
        told(spec, &[x, 0.0], 0)
    };
    let softplus = |u: f64| (-u).exp().ln_1p();
    // CosFace: u = 2·(1/2 − 1/4), the slope is that of x.
    let got = margin(1.0, 0.0, 0.25, 0.5);
    near(got.loss, softplus(0.5));
    let q = 1.0 / (1.0 + 0.5_f64.exp());
    all_near(&got.grad, &[-2.0 * q, 2.0 * q]);
    // ArcFace at θ = π/2: u = 2·cos(π/2 + 1/2) = −2·sin(1/2), slope sin(π/2 + 1/2) = cos(1/2).
    let got = margin(1.0, 0.5, 0.0, 0.0);
    let u = -2.0 * 0.5_f64.sin();
    near(got.loss, softplus(u));
    let q = 1.0 / (1.0 + u.exp());
    all_near(&got.grad, &[-2.0 * q * 0.5_f64.cos(), 2.0 * q]);
    // The easy-margin rule: θ = π, and u = 2·(−1 − 1/2·sin(1/2)), the slope that of x.
    let got = margin(1.0, 0.5, 0.0, -1.0);
    let u = 2.0 * (-1.0 - 0.5 * 0.5_f64.sin());
    near(got.loss, softplus(u));
    let q = 1.0 / (1.0 + u.exp());
    all_near(&got.grad, &[-2.0 * q, 2.0 * q]);
    // SphereFace at θ = π/3: u = 2·cos(3/2·π/3) = 0, slope 3/2·sin(π/2)/sin(π/3) = √3.
    let got = margin(1.5, 0.0, 0.0, 0.5);
    near(got.loss, std::f64::consts::LN_2);
    all_near(&got.grad, &[-(3.0_f64.sqrt()), 1.0]);
    // At cos θ = 1 without an angle: the root of the chain rule is 1e-6. Outside, the cosine is clamped, and has no slope.
    let got = margin(1.0, 0.5, 0.0, 1.0);
    let u = 2.0 * 0.5_f64.cos();
    let q = 1.0 / (1.0 + u.exp());
    all_near(&got.grad, &[-2.0 * q * 0.5_f64.sin() / 1e-6, 2.0 * q]);
    let got = margin(1.0, 0.5, 0.0, 1.5);
    near(got.loss, softplus(u));
    all_near(&got.grad, &[0.0, 2.0 * q]);
}

#[test]
fn a_class_bias_is_added_behind_scale_and_softcap() {
    let mut spec = plain(Kind::SoftmaxCe);
    (spec.logit_scale, spec.class_bias) = (0.5, Some(vec![0.25, -0.25]));
    // u = (1/2 + 1/4, 1 − 1/4): equal.
    let got = told(spec.clone(), &[1.0, 2.0], 0);
    near(got.loss, std::f64::consts::LN_2);
    all_near(&got.grad, &[-0.25, 0.25]);
    all_near(&got.grad_class_bias.expect("wanted"), &[-0.5, 0.5]);
    // 2·tanh(1/2·x / 2) + bias.
    spec.softcap = Some(2.0);
    let got = told(spec, &[1.0, 2.0], 0);
    let u = |x: f64, bias: f64| 2.0 * (x / 4.0).tanh() + bias;
    near(got.loss, (u(2.0, -0.25) - u(1.0, 0.25)).exp().ln_1p());
    // Sigmoid: log(1 + exp(−(1 + 1/4))) of a true class.
    let mut spec = plain(Kind::SigmoidCe);
    (spec.class_bias, spec.reduction) = (Some(vec![0.25]), Reduction::Sum);
    near(told(spec, &[1.0], 0).loss, (-1.25_f64).exp().ln_1p());
}

/// Cosines away from ±1, where the arc cosine bends too fast for the step.
fn cosines(case: &mut Case, seed: u64) {
    let mut r = Random(seed);
    case.scores.mapv_inplace(|_| coarse(1.5 * r.unit() - 0.75));
}

#[test]
fn gradients_of_biases_entropies_and_margins_are_derivatives() {
    let mut seed = 0;
    for &form in TargetForm::ALL {
        for dims in [&[4, 5][..], &[2, 3, 2]] {
            for kind in [Kind::SoftmaxCe, Kind::SoftmaxFocal, Kind::Poly1, Kind::SigmoidCe, Kind::SigmoidFocal] {
                if !kind.targets().contains(&form) {
                    continue;
                }
                let mut spec = plain(kind);
                spec.class_bias = Some((0..dims[1]).map(|class| coarse(0.7 - 0.3 * class as f32)).collect());
                if kind == Kind::SoftmaxCe {
                    (spec.entropy_coefficient, spec.label_smoothing) = (0.4, 0.1);
                }
                seed += 1;
                under_every_reduction(case(&spec, form, dims, seed), seed);
                let mut case = case(&spec, form, dims, seed);
                case.more.outputs = true;
                bias_gradient_is_the_derivative(&mut case);
            }
        }
    }
}

fn bias_gradient_is_the_derivative(case: &mut Case) {
    for reduction in [Reduction::Mean, Reduction::Sum] {
        case.spec.reduction = reduction;
        let got = case.reference().expect("a reference").grad_class_bias.expect("wanted");
        for (class, got) in got.iter().enumerate() {
            let want = derivative_by(case, |case| &mut case.spec.class_bias.as_mut().expect("a bias")[class]);
            assert!((got - want).abs() <= 1e-8 * (got.abs() + 1e-2), "{} {class}: {got} {want}", case.name);
        }
    }
}

#[test]
fn gradients_that_arrive_at_entropies_are_derivatives() {
    for (seed, form) in TargetForm::ALL.iter().copied().enumerate() {
        for beta in [0.0, 0.3] {
            let mut spec = plain(Kind::SoftmaxCe);
            (spec.reduction, spec.entropy_coefficient) = (Reduction::None, beta);
            let mut case = case(&spec, form, &[4, 5], seed as u64);
            let mut r = Random(7);
            let mut up = || Some(ArrayD::from_shape_simple_fn(IxDyn(&[4]), || r.normal()));
            (case.upstream, case.more.entropy_upstream) = (up(), up());
            gradient_is_the_derivative(&case);
        }
    }
}

#[test]
fn gradients_of_margins_are_derivatives() {
    for (seed, (m1, m2, m3)) in
        [(1.0, 0.5, 0.0), (1.0, 0.0, 0.35), (1.25, 0.0, 0.0), (1.1, 0.3, 0.2), (1.0, 1.5, 0.1)].into_iter().enumerate()
    {
        let mut spec = plain(Kind::SoftmaxCe);
        (spec.margin_multiplier, spec.margin_angle, spec.margin_cosine, spec.logit_scale) = (m1, m2, m3, 4.0);
        for (smoothing, beta) in [(0.0, 0.0), (0.1, 0.2)] {
            (spec.label_smoothing, spec.entropy_coefficient) = (smoothing, beta);
            let mut case = case(&spec, TargetForm::Classes, &[4, 5], seed as u64);
            cosines(&mut case, seed as u64);
            let OwnedTargets::Classes(labels) = &case.targets else { unreachable!() };
            // Not within a step of where the rule changes.
            let safe = case.scores.iter().enumerate().all(|(at, x)| {
                let own = labels.iter().nth(at / 5) == Some(&((at % 5) as i64));
                !own || (f64::from(m1) * f64::from(*x).acos() + f64::from(m2) - std::f64::consts::PI).abs() > 0.05
            });
            assert!(safe, "another seed");
            gradient_is_the_derivative(&case);
        }
    }
}
