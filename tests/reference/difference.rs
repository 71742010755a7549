//! Finite differences: what a gradient must be.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::Spec;
use gpu_loss::{Dtype, Reduction};
use ndarray::{ArrayD, IxDyn};

use crate::common::random::Random;
use crate::common::{Case, OwnedTargets};

/// The largest of the three steps of a finite difference.
///
/// Scores are held in f32, so that a step must be exact there: scores are multiples of 2⁻¹⁰ below 64, steps are
/// ±2⁻⁶, ±2⁻⁷ and ±2⁻⁸, and their sums take at most 16 bits of f32's 24.
pub(crate) const STEP: f32 = 1.0 / 64.0;

/// Scores as coarse as `STEP` asks for.
pub(crate) fn coarse(x: f32) -> f32 {
    (x * 1024.0).round() / 1024.0
}

/// What the case's gradient is the gradient of.
pub(crate) fn total(case: &Case) -> f64 {
    let got = case.reference().unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let weighed = |values: &ArrayD<f64>, upstream: &ArrayD<f32>| -> f64 {
        values.iter().zip(upstream).map(|(value, up)| value * f64::from(*up)).sum()
    };
    let of_losses = match &case.upstream {
        Some(upstream) => weighed(&got.losses, upstream),
        None => got.loss,
    };
    let at_entropies = case.more.entropy_upstream.as_ref();
    of_losses + at_entropies.map_or(0.0, |up| weighed(&got.entropy.expect("entropies"), up))
}

/// The derivative by score number `at`: central differences of three steps, their errors of second and fourth order
/// taken off (Richardson). What remains is h⁶/64 of a seventh derivative over 7!, with h = 2⁻⁶ below 1e-12 for these
/// losses, and float64's rounding of F over the smallest step, some 1e-13·|F|.
pub(crate) fn derivative(case: &Case, at: usize) -> f64 {
    derivative_by(case, |case| case.scores.iter_mut().nth(at).expect("a score"))
}

/// The same by any number of a case.
pub(crate) fn derivative_by(case: &Case, number: impl Fn(&mut Case) -> &mut f32) -> f64 {
    let mut moved = case.clone();
    let score = |case: &mut Case, step: f32| {
        let name = case.name.clone();
        let place = number(case);
        let sum = *place + step;
        assert_eq!(f64::from(*place) + f64::from(step), f64::from(sum), "{name}: the step is not exact");
        *place = sum;
    };
    let mut central = |step: f32| {
        score(&mut moved, step);
        let above = total(&moved);
        score(&mut moved, -2.0 * step);
        let below = total(&moved);
        score(&mut moved, step);
        (above - below) / (2.0 * f64::from(step))
    };
    let d = [STEP, STEP / 2.0, STEP / 4.0].map(&mut central);
    let fourth = [(4.0 * d[1] - d[0]) / 3.0, (4.0 * d[2] - d[1]) / 3.0];
    (16.0 * fourth[1] - fourth[0]) / 15.0
}

/// Holds every element of the gradient against the derivative.
pub(crate) fn gradient_is_the_derivative(case: &Case) {
    let got = case.reference().unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let rounding = 2e-12 * total(case).abs();
    let largest = got.grad.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    for (at, g) in got.grad.iter().enumerate() {
        let expected = derivative(case, at);
        assert!(
            (g - expected).abs() <= 1e-8 * g.abs() + 1e-10 * largest + rounding,
            "{} {:?}: gradient {at} is {g}, the derivative is {expected}",
            case.name,
            case.spec
        );
    }
}

/// Often 0 or 1.
pub(crate) fn probability(r: &mut Random) -> f32 {
    let between = r.unit();
    r.pick(&[0.0, 1.0, between])
}

/// A case of small scores, each class and (for sets of classes) an empty row among its targets.
pub(crate) fn case(spec: &Spec, form: TargetForm, dims: &[usize], seed: u64) -> Case {
    let mut r = Random(seed);
    let kind = spec.kind;
    let scores = ArrayD::from_shape_simple_fn(IxDyn(dims), || {
        // Probabilities stay away from 0 and 1, where logs bend too fast for the step.
        coarse(if kind.takes_probabilities() { 0.25 + 0.5 * r.unit() } else { 2.0 * r.normal() })
    });
    let (classes, rows) = (dims[1], dims.iter().product::<usize>() / dims[1]);
    let mut spec = spec.clone();
    let targets = match form {
        TargetForm::Classes => {
            spec.ignore_index = Some(-100);
            let row_dims: Vec<usize> =
                dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).collect();
            let labels = [1, -100, 0, 2][..rows].to_vec();
            OwnedTargets::Classes(ArrayD::from_shape_vec(IxDyn(&row_dims), labels).expect("a label a row"))
        }
        TargetForm::Lists => {
            let sets: [&[i64]; 4] = [&[0, 2], &[], &[1], &[0, 1, 2]];
            let mut offsets = vec![0];
            offsets.extend(sets[..rows].iter().scan(0, |end, set| {
                *end += set.len() as i64;
                Some(*end)
            }));
            OwnedTargets::Lists(offsets, sets[..rows].concat())
        }
        TargetForm::MultiHot => {
            // The first row has no true class.
            let inner = rows / dims[0];
            let mut bytes = ArrayD::from_shape_simple_fn(IxDyn(dims), || u8::from(r.chance(2)));
            bytes.iter_mut().enumerate().for_each(|(at, b)| *b *= u8::from(at >= classes * inner || at % inner != 0));
            OwnedTargets::MultiHot(bytes)
        }
        TargetForm::Logits => OwnedTargets::Logits(ArrayD::from_shape_simple_fn(IxDyn(dims), || 2.0 * r.normal())),
        _ => OwnedTargets::Probabilities(ArrayD::from_shape_simple_fn(IxDyn(dims), || probability(&mut r))),
    };
    let name = format!("{} {} {dims:?}", kind.name(), form.name());
    Case::new(name, spec, scores, Dtype::F32, targets)
}

/// Every reduction, the mean also over a denominator of the caller's, unreduced losses also with an upstream.
pub(crate) fn under_every_reduction(mut case: Case, seed: u64) {
    let mut r = Random(seed);
    let loss_dims = case.reference().expect("a reference").losses.shape().to_vec();
    let upstream = ArrayD::from_shape_simple_fn(IxDyn(&loss_dims), || r.normal());
    let name = case.name.clone();
    for (reduction, denominator, upstream) in [
        (Reduction::Sum, None, None),
        (Reduction::Mean, None, None),
        (Reduction::Mean, Some(2.5), None),
        (Reduction::BatchMean, None, None),
        (Reduction::None, None, None),
        (Reduction::None, None, Some(upstream)),
    ] {
        case.name = format!("{name} {reduction:?}");
        (case.spec.reduction, case.spec.denominator, case.upstream) = (reduction, denominator, upstream);
        gradient_is_the_derivative(&case);
    }
}
