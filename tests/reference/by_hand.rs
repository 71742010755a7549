//! Values worked by hand.

use gpu_loss::batch::MISSING_LABEL;
use gpu_loss::loss::{Divergence, Kind, Spec};
use gpu_loss::{Batch, Reduction, reference};
use ndarray::{ArrayD, IxDyn, array};

use crate::common::{OwnedTargets, plain};
use crate::{all_near, near, single};

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
    let batch = Batch::new(scores.view(), &[0_i64, 1]);
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

#[test]
fn poly_1_by_hand() {
    // p_y = 1/2, ε = 1: ln 2 + 1/2, gradient (1 + 1/2)·(±1/2). ε = −1: ln 2 − 1/2 and (1 − 1/2)·(±1/2).
    let mut spec = plain(Kind::Poly1);
    let got = single(spec.clone(), &[1.0, 1.0], 1).reference().expect("a reference");
    near(got.loss, std::f64::consts::LN_2 + 0.5);
    all_near(&got.grad, &[0.75, -0.75]);
    spec.epsilon = -1.0;
    let got = single(spec.clone(), &[1.0, 1.0], 1).reference().expect("a reference");
    near(got.loss, std::f64::consts::LN_2 - 0.5);
    all_near(&got.grad, &[0.25, -0.25]);
    // The scores of softmax_ce above: 0.4076060 + 2·0.3347590; 1 + 2·0.6652410 times p − (1, 0, 0). A weight of 3 weighs
    // the whole, and the mean divides by it.
    (spec.epsilon, spec.class_weights) = (2.0, Some(vec![3.0, 1.0, 1.0]));
    let (loss, grad) =
        (1.077_124_052_894_736_3, [-0.780_149_897_294_424_7, 0.570_335_275_034_406_4, 0.209_814_622_260_018_32]);
    let got = single(spec.clone(), &[2.0, 1.0, 0.0], 0).reference().expect("a reference");
    near(got.loss, loss);
    all_near(&got.grad, &grad);
    spec.reduction = Reduction::Sum;
    let got = single(spec, &[2.0, 1.0, 0.0], 0).reference().expect("a reference");
    near(got.loss, 3.0 * loss);
    all_near(&got.grad, &grad.map(|g| 3.0 * g));
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

#[test]
fn asymmetric_by_hand() {
    // u = 0: p = 1/2. A positive with γ₊ = 2: (1/2)²·ln 2, gradient −(1/4)·(1/2 + 2·(1/2)·ln 2).
    let mut spec = plain(Kind::Asymmetric);
    (spec.gamma_positive, spec.gamma_negative, spec.clip) = (2.0, 1.0, 0.25);
    let got = single(spec.clone(), &[0.0], 0).reference().expect("a reference");
    near(got.loss, 0.25 * std::f64::consts::LN_2);
    near(got.grad[[0, 0]], -0.25 * (0.5 + std::f64::consts::LN_2));
    // A negative beside it, of which a clip of 1/4 leaves p_m = 1/4: (1/4)·−ln(3/4); by p the slope is −ln(3/4) + 1/3, and
    // p has the slope 1/4. The mean is over both.
    let got = single(spec.clone(), &[0.0, 0.0], 0).reference().expect("a reference");
    let minus_log = -(0.75_f64.ln());
    near(got.losses[[0, 1]], 0.25 * minus_log);
    near(got.grad[[0, 1]], 0.5 * 0.25 * (minus_log + 1.0 / 3.0));
    // Below the clip there is nothing; a surely wrong positive costs 100 at most.
    let got = single(spec, &[-800.0, -2.0], 0).reference().expect("a reference");
    near(got.losses[[0, 0]], 100.0);
    assert_eq!((got.losses[[0, 1]], got.grad[[0, 1]]), (0.0, 0.0));
}

#[test]
fn missing_labels_by_hand() {
    // Of four elements two are known: (ln 2 + ln 2)/2, gradients ∓1/4; a NaN that nobody knows the label of hides.
    let scores = array![[0.0_f32, 5.0], [f32::NAN, 0.0]];
    let bytes = array![[1_u8, MISSING_LABEL], [MISSING_LABEL, 0]];
    let mut spec = plain(Kind::SigmoidCe);
    let batch = Batch::new(&scores, &bytes);
    let got = reference::run(&spec, &batch).expect("a reference");
    near(got.loss, std::f64::consts::LN_2);
    all_near(&got.grad, &[-0.25, 0.0, 0.0, 0.25]);
    // Divided by N under batch_mean, and by nothing where nothing is known.
    spec.reduction = Reduction::BatchMean;
    near(reference::run(&spec, &batch).expect("a reference").loss, std::f64::consts::LN_2);
    spec.reduction = Reduction::Mean;
    let unknown = bytes.mapv(|_| MISSING_LABEL);
    let batch = Batch::new(&scores, &unknown);
    let got = reference::run(&spec, &batch).expect("a reference");
    assert!(got.loss.is_nan() && got.grad.iter().all(|g| *g == 0.0));
}

/// One row of the student's against one of the teacher's.
fn distilled(spec: &Spec, scores: &[f32], teacher: &[f32]) -> reference::Reference {
    let mut case = single(spec.clone(), scores, 0);
    case.targets =
        OwnedTargets::Logits(ArrayD::from_shape_vec(IxDyn(&[1, teacher.len()]), teacher.to_vec()).expect("a row"));
    case.reference().expect("a reference")
}

#[test]
fn distillation_by_hand() {
    const MASK: f32 = f32::NEG_INFINITY;
    let ln_2 = std::f64::consts::LN_2;
    let mut spec = plain(Kind::Distillation);
    // p = (1/2, 1/2), t = (1, 0): ln 2, p − t.
    let got = distilled(&spec, &[0.0, 0.0], &[3.0, MASK]);
    near(got.loss, ln_2);
    all_near(&got.grad, &[-0.5, 0.5]);
    // A class that the teacher finds possible and the student masks: endless, p − t all the same.
    let got = distilled(&spec, &[0.0, MASK], &[0.0, 0.0]);
    assert_eq!(got.loss, f64::INFINITY);
    all_near(&got.grad, &[0.5, -0.5]);
    // τ = 2, t = (σ(1), 1 − σ(1)): ln 2 − H(t), (p − t)/2; times τ² on request.
    let t = 0.731_058_578_630_004_9_f64;
    let loss = ln_2 + t * t.ln() + (1.0 - t) * (1.0 - t).ln();
    spec.temperature = 2.0;
    let got = distilled(&spec, &[0.0, 0.0], &[2.0, 0.0]);
    near(got.loss, loss);
    all_near(&got.grad, &[(0.5 - t) / 2.0, (t - 0.5) / 2.0]);
    spec.times_temperature_squared = true;
    let got = distilled(&spec, &[0.0, 0.0], &[2.0, 0.0]);
    near(got.loss, 4.0 * loss);
    all_near(&got.grad, &[2.0 * (0.5 - t), 2.0 * (t - 0.5)]);

    spec = plain(Kind::Distillation);
    spec.divergence = Divergence::ReverseKl;
    // p = (1, 0), t = (1/2, 1/2): ln 2, and p·(log(p/t) − KL) = 0.
    let got = distilled(&spec, &[0.0, MASK], &[0.0, 0.0]);
    near(got.loss, ln_2);
    all_near(&got.grad, &[0.0, 0.0]);
    let got = distilled(&spec, &[0.0, 0.0], &[0.0, MASK]);
    assert!(got.loss == f64::INFINITY && got.grad.iter().all(|g| g.is_nan()));

    spec.divergence = Divergence::JensenShannon;
    // p = (1/2, 1/2), t = (1, 0), m = (3/4, 1/4): (ln(4/3) + (ln(2/3) + ln 2)/2)/2; K = ln(4/3)/2.
    let got = distilled(&spec, &[0.0, 0.0], &[0.0, MASK]);
    let third = (4.0_f64 / 3.0).ln();
    near(got.loss, 0.75 * third);
    all_near(&got.grad, &[0.25 * ((2.0_f64 / 3.0).ln() - 0.5 * third), 0.25 * (ln_2 - 0.5 * third)]);
    // Alike, and a teacher that is none.
    for divergence in Divergence::ALL {
        spec.divergence = divergence;
        let got = distilled(&spec, &[1.0, -3.0, MASK], &[5.0, 1.0, MASK]);
        near(got.loss, 0.0);
        all_near(&got.grad, &[0.0; 3]);
        for teacher in [[f32::NAN, 0.0], [f32::INFINITY, 0.0], [MASK, MASK]] {
            let got = distilled(&spec, &[1.0, -3.0], &teacher);
            assert!(got.loss.is_nan() && got.grad.iter().all(|g| g.is_nan()), "{teacher:?}");
        }
    }
}
