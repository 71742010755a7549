//! The float64 reference by itself, without a GPU: its gradients against finite differences of its losses, its losses
//! against values worked by hand, and the formulas of the tutorial that the losses come from.

mod common;

use common::random::Random;
use common::{Case, OwnedTargets, plain};
use gpu_loss::{Batch, Dtype, EmptyMean, Kind, Reduction, Spec, TargetForm, Targets, bf16, f16, reference};
use ndarray::{ArrayD, IxDyn, array};

/// The largest of the three steps of a finite difference.
///
/// Scores are held in f32, so that a step must be exact there: scores are multiples of 2⁻¹⁰ below 64, steps are
/// ±2⁻⁶, ±2⁻⁷ and ±2⁻⁸, and their sums take at most 16 bits of f32's 24.
const STEP: f32 = 1.0 / 64.0;

/// Scores as coarse as `STEP` asks for.
fn coarse(x: f32) -> f32 {
    (x * 1024.0).round() / 1024.0
}

/// What the case's gradient is the gradient of.
fn total(case: &Case) -> f64 {
    let got = case.reference().unwrap_or_else(|error| panic!("{}: {error}", case.name));
    match &case.upstream {
        Some(upstream) => got.losses.iter().zip(upstream).map(|(loss, up)| loss * f64::from(*up)).sum(),
        None => got.loss,
    }
}

/// The derivative by score number `at`: central differences of three steps, their errors of second and fourth order
/// taken off (Richardson). What remains is h⁶/64 of a seventh derivative over 7!, with h = 2⁻⁶ below 1e-12 for these
/// losses, and float64's rounding of F over the smallest step, some 1e-13·|F|.
fn derivative(case: &Case, at: usize) -> f64 {
    let mut moved = case.clone();
    let score = |case: &mut Case, step: f32| {
        let place = case.scores.iter_mut().nth(at).expect("a score");
        let sum = *place + step;
        assert_eq!(f64::from(*place) + f64::from(step), f64::from(sum), "{}: the step is not exact", case.name);
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
fn gradient_is_the_derivative(case: &Case) {
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
fn probability(r: &mut Random) -> f32 {
    let between = r.unit();
    r.pick(&[0.0, 1.0, between])
}

/// A case of small scores, each class and (for sets of classes) an empty row among its targets.
fn case(spec: &Spec, form: TargetForm, dims: &[usize], seed: u64) -> Case {
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
        TargetForm::Probabilities => {
            OwnedTargets::Probabilities(ArrayD::from_shape_simple_fn(IxDyn(dims), || probability(&mut r)))
        }
    };
    let name = format!("{} {} {dims:?}", kind.name(), form.name());
    Case { name, spec, scores, dtype: Dtype::F32, targets, element_weights: None, upstream: None }
}

/// Every reduction, the mean also over a denominator of the caller's, unreduced losses also with an upstream.
fn under_every_reduction(mut case: Case, seed: u64) {
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

/// Four rows each: `[N, C]`, and `[N, C, d]`, where a row's classes are not neighbours.
const SHAPES: [&[usize]; 2] = [&[4, 5], &[2, 3, 2]];

/// One weight a class; one of them is 0.
fn weights(classes: usize) -> Vec<f32> {
    vec![0.5, 2.0, 0.0, 1.25, 0.75][..classes].to_vec()
}

#[test]
fn gradient_of_softmax_ce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.map(|form| (*dims, form))) {
        for options in 0..48 {
            let mut spec = plain(Kind::SoftmaxCe);
            spec.label_smoothing = [0.0, 0.1, 1.0][options % 3];
            spec.class_weights = (options / 3 % 2 == 1).then(|| weights(dims[1]));
            spec.z_loss = [0.0, 0.25][options / 6 % 2];
            spec.logit_scale = [1.0, 1.5][options / 12 % 2];
            spec.softcap = (options / 24 == 1).then_some(4.0);
            under_every_reduction(case(&spec, form, dims, options as u64), 1);
        }
    }
}

#[test]
fn gradient_of_softmax_focal() {
    for (dims, gamma) in SHAPES.iter().flat_map(|dims| [0.0, 0.3, 1.0, 2.0, 5.0].map(|gamma| (*dims, gamma))) {
        for options in 0..8 {
            let mut spec = plain(Kind::SoftmaxFocal);
            spec.gamma = gamma;
            spec.class_weights = (options % 2 == 1).then(|| weights(dims[1]));
            spec.logit_scale = [1.0, 1.5][options / 2 % 2];
            spec.softcap = (options / 4 == 1).then_some(4.0);
            under_every_reduction(case(&spec, TargetForm::Classes, dims, options as u64), 2);
        }
    }
}

#[test]
fn gradient_of_ce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.map(|form| (*dims, form))) {
        for options in 0..6 {
            let mut spec = plain(Kind::Ce);
            spec.label_smoothing = [0.0, 0.1, 1.0][options % 3];
            spec.class_weights = (options / 3 == 1).then(|| weights(dims[1]));
            under_every_reduction(case(&spec, form, dims, options as u64), 3);
        }
    }
}

/// Without and with one weight an element, one of them 0.
fn with_and_without_element_weights(case: Case, seed: u64) {
    let mut r = Random(seed);
    let mut weighted = case.clone();
    let mut weights = ArrayD::from_shape_simple_fn(case.scores.raw_dim(), || 2.0 * r.unit());
    weights.iter_mut().take(1).for_each(|v| *v = 0.0);
    weighted.element_weights = Some(weights);
    under_every_reduction(case, seed);
    under_every_reduction(weighted, seed);
}

#[test]
fn gradient_of_sigmoid_ce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.map(|form| (*dims, form))) {
        for pos_weight in [None, Some(weights(dims[1]))] {
            let mut spec = plain(Kind::SigmoidCe);
            spec.pos_weight = pos_weight;
            with_and_without_element_weights(case(&spec, form, dims, 4), 4);
        }
    }
}

#[test]
fn gradient_of_sigmoid_focal() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.map(|form| (*dims, form))) {
        for (gamma, alpha) in [0.0, 0.3, 1.0, 2.0, 5.0].into_iter().flat_map(|g| [None, Some(0.25)].map(|a| (g, a))) {
            let mut spec = plain(Kind::SigmoidFocal);
            (spec.gamma, spec.alpha) = (gamma, alpha);
            with_and_without_element_weights(case(&spec, form, dims, 5), 5);
        }
    }
}

#[test]
fn gradient_of_bce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.map(|form| (*dims, form))) {
        with_and_without_element_weights(case(&plain(Kind::Bce), form, dims, 6), 6);
    }
}

/// One row, one label.
fn single(spec: Spec, scores: &[f32], label: i64) -> Case {
    Case {
        name: format!("{} {scores:?} {label}", spec.kind.name()),
        spec,
        scores: ArrayD::from_shape_vec(IxDyn(&[1, scores.len()]), scores.to_vec()).expect("a row"),
        dtype: Dtype::F32,
        targets: OwnedTargets::Classes(ArrayD::from_elem(IxDyn(&[1]), label)),
        element_weights: None,
        upstream: None,
    }
}

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

/// To float64's last digits.
fn near(got: f64, want: f64) {
    assert!((got - want).abs() <= 4e-15 * want.abs().max(0.25), "{got}, worked by hand {want}");
}

fn all_near<'a>(got: impl IntoIterator<Item = &'a f64>, want: &[f64]) {
    let got: Vec<f64> = got.into_iter().copied().collect();
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).for_each(|(g, w)| near(*g, *w));
}

#[test]
fn softmax_ce_by_hand() {
    // exp(2) + exp(1) + exp(0) = 7.3890561 + 2.7182818 + 1 = 11.1073379, lse = ln 11.1073379 = 2.4076060;
    // p = (0.6652410, 0.2447285, 0.0900306); loss = lse − 2, gradient p − (1, 0, 0).
    let got = single(plain(Kind::SoftmaxCe), &[2.0, 1.0, 0.0], 0).reference().expect("a reference");
    near(got.loss, 0.407_605_964_444_38);
    all_near(&got.grad, &[-0.334_759_044_225_178_1, 0.244_728_471_054_797_64, 0.090_030_573_170_380_46]);
    all_near(&got.lse.expect("wanted"), &[2.407_605_964_444_38]);
    assert_eq!((got.argmax.expect("wanted")[0], got.correct), (0, Some(1)));
}

#[test]
fn label_smoothing_by_hand() {
    // ε = 1/4: B = (3/4 + 1/12, 1/12, 1/12), Σ B_j·u_j = 2·10/12 + 1/12 = 1.75, loss = 2.4076060 − 1.75.
    let mut spec = plain(Kind::SoftmaxCe);
    spec.label_smoothing = 0.25;
    let got = single(spec, &[2.0, 1.0, 0.0], 0).reference().expect("a reference");
    near(got.loss, 0.657_605_964_444_380_1);
    let p = [0.665_240_955_774_821_9, 0.244_728_471_054_797_64, 0.090_030_573_170_380_46];
    all_near(&got.grad, &[p[0] - 10.0 / 12.0, p[1] - 1.0 / 12.0, p[2] - 1.0 / 12.0]);
}

#[test]
fn z_loss_by_hand() {
    // z = 1/2: 0.4076060 + 2.4076060²/2 = 3.3058892; the gradient gains 2z·lse·p_j = 2.4076060·p_j.
    let mut spec = plain(Kind::SoftmaxCe);
    spec.z_loss = 0.5;
    let got = single(spec, &[2.0, 1.0, 0.0], 0).reference().expect("a reference");
    near(got.loss, 3.305_889_204_458_457);
    all_near(&got.grad, &[1.266_879_048_690_963, 0.833_938_197_635_682_3, 0.306_788_718_117_734_67]);
}

#[test]
fn scale_and_softcap_by_hand() {
    // Scale 1/2, cap 2: u = 2·tanh(x/4) = (2·tanh 0.5, 2·tanh 0.25, 0) = (0.9242343, 0.4898373, 0);
    // log(exp(0.9242343) + exp(0.4898373) + 1) − 0.9242343 = 0.7151485; each gradient by (1 − tanh²)/2.
    let mut spec = plain(Kind::SoftmaxCe);
    (spec.logit_scale, spec.softcap) = (0.5, Some(2.0));
    let got = single(spec, &[2.0, 1.0, 0.0], 0).reference().expect("a reference");
    near(got.loss, 0.715_148_489_829_003_6);
    all_near(&got.grad, &[-0.200_890_414_511_346_1, 0.148_889_290_298_568_4, 0.097_049_901_441_713_44]);
}

#[test]
fn class_weights_and_mean_by_hand() {
    // Two classes with equal scores: −log p = ln 2 in both rows. Weights 3 and 1: (3·ln 2 + ln 2)/(3 + 1) = ln 2.
    let scores = array![[0.0_f32, 0.0], [1.0, 1.0]];
    let batch = Batch::new(scores.view(), Targets::Classes(&[0_i64, 1]));
    let mut spec = plain(Kind::SoftmaxCe);
    spec.class_weights = Some(vec![3.0, 1.0]);
    let got = reference::run(&spec, &batch).expect("a reference");
    near(got.loss, std::f64::consts::LN_2);
    // w_y·(p_j − [j=y])/4: 3·(−1/2)/4, 3·(1/2)/4, (1/2)/4, (−1/2)/4.
    all_near(&got.grad, &[-0.375, 0.375, 0.125, -0.125]);
    // BatchMean divides by N = 2 instead.
    spec.reduction = Reduction::BatchMean;
    near(reference::run(&spec, &batch).expect("a reference").loss, 2.0 * std::f64::consts::LN_2);
}

#[test]
fn softmax_focal_by_hand() {
    // p_y = 1/2, γ = 2: (1/2)²·ln 2; K = 1/4 − 2·(1/2)·(1/2)·ln(1/2) = 0.5965736, gradient K·(∓1/2).
    let mut spec = plain(Kind::SoftmaxFocal);
    spec.gamma = 2.0;
    let got = single(spec, &[1.0, 1.0], 1).reference().expect("a reference");
    near(got.loss, 0.25 * std::f64::consts::LN_2);
    all_near(&got.grad, &[0.298_286_795_139_986_35, -0.298_286_795_139_986_35]);
}

/// One element against one target.
fn element(spec: Spec, score: f32, t: f32) -> (f64, f64) {
    let mut case = single(spec, &[score], 0);
    case.targets = OwnedTargets::Probabilities(ArrayD::from_elem(IxDyn(&[1, 1]), t));
    let got = case.reference().expect("a reference");
    (got.loss, got.grad[[0, 0]])
}

#[test]
fn sigmoid_ce_by_hand() {
    // u = 1: softplus(−1) = ln(1 + e⁻¹) = 0.3132617, σ(1) = 0.7310586; t = 0 adds u.
    let (loss, grad) = element(plain(Kind::SigmoidCe), 1.0, 1.0);
    near(loss, 0.313_261_687_518_222_86);
    near(grad, 0.731_058_578_630_004_9 - 1.0);
    let (loss, grad) = element(plain(Kind::SigmoidCe), 1.0, 0.0);
    near(loss, 1.313_261_687_518_222_9);
    near(grad, 0.731_058_578_630_004_9);
    // t = 1/2, q = 3: u/2 + (1 + 2/2)·softplus(−1) = 0.5 + 0.6265234; gradient (1.5 + 0.5)·σ(1) − 1.5.
    let mut spec = plain(Kind::SigmoidCe);
    spec.pos_weight = Some(vec![3.0]);
    let (loss, grad) = element(spec, 1.0, 0.5);
    near(loss, 1.126_523_375_036_445_7);
    near(grad, 2.0 * 0.731_058_578_630_004_9 - 1.5);
}

#[test]
fn sigmoid_focal_by_hand() {
    // u = 0, t = 1, γ = 2, α = 1/4: ¼·(1/2)²·ln 2; gradient ¼·¼·((1/2 − 1) + 2·ln 2·(−1)·(1/4)/(1/2)).
    let mut spec = plain(Kind::SigmoidFocal);
    (spec.gamma, spec.alpha) = (2.0, Some(0.25));
    let (loss, grad) = element(spec.clone(), 0.0, 1.0);
    near(loss, std::f64::consts::LN_2 / 16.0);
    near(grad, -0.074_571_698_784_996_59);
    // t = 0: 1 − α = ¾ in its place, and the other sign.
    let (loss, grad) = element(spec, 0.0, 0.0);
    near(loss, 3.0 * std::f64::consts::LN_2 / 16.0);
    near(grad, 3.0 * 0.074_571_698_784_996_59);
}

#[test]
fn ce_by_hand() {
    // −ln ¼ = ln 4; −1/z = −4 at the true class. At z = 0 the log is clamped at −100, the denominator at 1e-12.
    let got = single(plain(Kind::Ce), &[0.5, 0.25, 0.25], 1).reference().expect("a reference");
    near(got.loss, 2.0 * std::f64::consts::LN_2);
    all_near(&got.grad, &[0.0, -4.0, 0.0]);
    let got = single(plain(Kind::Ce), &[1.0, 0.0], 1).reference().expect("a reference");
    assert_eq!((got.loss, got.grad[[0, 0]], got.grad[[0, 1]]), (100.0, 0.0, -1e12));
}

#[test]
fn bce_by_hand() {
    // z = ¼: t = 1 gives ln 4 and (¼ − 1)/(¼·¾) = −4; t = 0 gives −ln ¾ and 1/(1 − ¼) = 4/3.
    let (loss, grad) = element(plain(Kind::Bce), 0.25, 1.0);
    near(loss, 2.0 * std::f64::consts::LN_2);
    near(grad, -4.0);
    let (loss, grad) = element(plain(Kind::Bce), 0.25, 0.0);
    near(loss, 0.287_682_072_451_780_9);
    near(grad, 4.0 / 3.0);
    // z = 0, t = 1: the log clamped at −100, the denominator at 1e-12.
    assert_eq!(element(plain(Kind::Bce), 0.0, 1.0), (100.0, -1e12));
}

/// The tutorial's categorical loss with M positive classes: `1/M·Σ_i −log p_i`, of which it gives the gradient by a
/// positive class as `1/M·((p − 1) + (M−1)·p)` and by a negative one as `p`; losses added up over the batch and divided
/// by its size.
#[test]
fn the_tutorials_multi_label_softmax() {
    let scores = array![[2.0_f32, 1.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0]];
    // Row 0: lse = ln(e² + e + 1 + e⁻¹) = 2.4401897, P = {0, 1}: ((lse − 2) + (lse − 1))/2 = 0.9401897.
    // Row 1: p = 1/4 each, P = {1, 2, 3}: ln 4.
    let p = [0.643_914_259_887_972_4, 0.236_882_818_089_910_13, 0.087_144_318_742_032_57, 0.032_058_603_280_084_99];
    let positive = |p: f64, m: f64| ((p - 1.0) + (m - 1.0) * p) / m;
    let expected = [
        [positive(p[0], 2.0), positive(p[1], 2.0), p[2], p[3]],
        [0.25, positive(0.25, 3.0), positive(0.25, 3.0), positive(0.25, 3.0)],
    ];
    let halves: Vec<f64> = expected.iter().flatten().map(|g| g / 2.0).collect();
    let lists = Targets::Lists { offsets: &[0_i64, 2, 5], indices: &[0_i64, 1, 1, 2, 3] };
    let bytes = array![[1_u8, 1, 0, 0], [0, 1, 1, 1]];
    for targets in [lists, Targets::multi_hot(bytes.view())] {
        let mut spec = plain(Kind::SoftmaxCe);
        spec.reduction = Reduction::BatchMean;
        let got = reference::run(&spec, &Batch::new(scores.view(), targets)).expect("a reference");
        near(got.loss, (0.940_189_698_561_195_3 + 2.0 * std::f64::consts::LN_2) / 2.0);
        all_near(&got.grad, &halves);
    }
}

/// The tutorial's binary loss: a sum of C two-class problems, each `−log a` if the class is true, else `−log(1 − a)`.
#[test]
fn the_tutorials_binary_losses() {
    let scores = array![[1.0_f32, -1.0, 0.0]];
    let bytes = array![[1_u8, 0, 1]];
    let mut spec = plain(Kind::SigmoidCe);
    spec.reduction = Reduction::Sum;
    let got = reference::run(&spec, &Batch::new(scores.view(), Targets::multi_hot(bytes.view()))).expect("a reference");
    // −log σ(1) − log(1 − σ(−1)) − log σ(0) = 2·0.3132617 + ln 2; gradient a − y: σ(1) − 1, σ(−1), −1/2.
    near(got.loss, 2.0 * 0.313_261_687_518_222_86 + std::f64::consts::LN_2);
    all_near(&got.grad, &[-0.268_941_421_369_995_1, 0.268_941_421_369_995_1, -0.5]);
}

/// Nothing to divide by: every row ignored, or no rows. The mean is NaN, or 0 on request; the gradient is 0.
#[test]
fn the_empty_mean() {
    for kind in Kind::ALL {
        let mut spec = plain(kind);
        spec.ignore_index = Some(-1);
        let scores = array![[0.5_f32, 0.25], [0.125, 0.75]];
        let ignored = Batch::new(scores.view(), Targets::Classes(&[-1_i64, -1]));
        let got = reference::run(&spec, &ignored).expect("a reference");
        assert!(got.loss.is_nan() && got.grad.iter().all(|g| *g == 0.0), "{}", kind.name());
        spec.empty_mean = EmptyMean::Zero;
        let got = reference::run(&spec, &ignored).expect("a reference");
        assert!(got.loss == 0.0 && got.grad.iter().all(|g| *g == 0.0), "{}", kind.name());

        let nothing = ArrayD::<f32>::zeros(IxDyn(&[0, 2]));
        let no_rows = Batch::new(nothing.view(), Targets::Classes(&[] as &[i64; 0]));
        for (reduction, empty_mean, nan) in [
            (Reduction::Mean, EmptyMean::Nan, true),
            (Reduction::Mean, EmptyMean::Zero, false),
            (Reduction::Sum, EmptyMean::Nan, false),
            (Reduction::None, EmptyMean::Nan, false),
        ] {
            (spec.reduction, spec.empty_mean) = (reduction, empty_mean);
            let got = reference::run(&spec, &no_rows).expect("a reference");
            assert!(
                got.loss.is_nan() == nan && (nan || got.loss == 0.0),
                "{} {reduction:?}: {}",
                kind.name(),
                got.loss
            );
            assert_eq!(got.grad.shape(), [0, 2]);
        }
    }
}

/// 16-bit scores mean the numbers that they hold.
#[test]
fn sixteen_bit_scores_are_their_values() {
    let wide = array![[0.1_f32, -2.7, 3.3], [1e-3, 5.9, 60.5]];
    let halves = wide.mapv(f16::from_f32);
    let brains = wide.mapv(bf16::from_f32);
    let labels = [2_i64, 0];
    let spec = plain(Kind::SoftmaxCe);
    let of = |scores: ndarray::Array2<f32>| {
        let got = reference::run(&spec, &Batch::new(scores.view(), Targets::Classes(&labels))).expect("a reference");
        (got.loss, got.grad)
    };
    let got = reference::run(&spec, &Batch::new(halves.view(), Targets::Classes(&labels))).expect("a reference");
    assert_eq!((got.loss, got.grad), of(halves.mapv(f16::to_f32)));
    let got = reference::run(&spec, &Batch::new(brains.view(), Targets::Classes(&labels))).expect("a reference");
    assert_eq!((got.loss, got.grad), of(brains.mapv(bf16::to_f32)));
}
