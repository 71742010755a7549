//! Digits lost, and NaN where a limit is due.

use gpu_loss::batch::{bf16, f16};
use gpu_loss::loss::Kind;
use gpu_loss::{Batch, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal};
use ndarray::{Array2, array};

use crate::common::each::under_every_strategy;
use crate::common::values::{all_near, all_zero, grad_of, near};

/// Liger-Kernel PR#1329: p_y was rounded to the scores' type before 1 was taken off: at p_y = 0.99 a bf16 gradient is
/// 20 % wrong.
///
/// Seen to fail: with p rounded to bf16 in `gradient` of `loss/softmax.wgsl`.
#[test]
fn the_gradient_is_rounded_once() {
    // One class 4.5 above another: p_y = 0.989. bf16 has 4.5 exactly, and numbers next to −0.011 at 0.4 %.
    let scores = array![[4.5_f32, 0.0], [0.0, 4.75]];
    let q = |gap: f64| (-gap).exp() / (1.0 + (-gap).exp());
    under_every_strategy(Kind::SoftmaxCe, &[2, 2], |gpu| {
        let loss = SoftmaxCe::default().reduction(Reduction::Sum);
        let brains = scores.mapv(bf16::from_f32);
        let out = gpu.run(&loss, &Batch::new(brains.view(), &[0_i64, 1])).expect("legal");
        let halves = scores.mapv(f16::from_f32);
        let finer = gpu.run(&loss, &Batch::new(halves.view(), &[0_i64, 1])).expect("legal");
        let due = [-q(4.5), q(4.5), q(4.75), -q(4.75)];
        for ((g, h), due) in grad_of(&out).iter().zip(grad_of(&finer)).zip(due) {
            assert!((g.to_f64() / due - 1.0).abs() <= 4e-3, "{g}, expected {due}");
            assert!((h.to_f64() / due - 1.0).abs() <= 1e-3, "{h}, expected {due}");
        }
    });
}

/// mlx#4520: lse − x_y in the scores' type: at lse = 20 bf16 counts in steps of 1/8, and the loss of a confident row
/// comes to 0.
///
/// Seen to fail: with lse rounded to bf16 before the score is taken off, in `loss/softmax.wgsl`.
#[test]
fn a_bf16_loss_has_all_its_digits() {
    let scores = array![[20.0_f32, 10.0, 10.0, 10.0, 10.0]].mapv(bf16::from_f32);
    under_every_strategy(Kind::SoftmaxCe, &[1, 5], |gpu| {
        let out = gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64]).with_lse()).expect("legal");
        let due = (4.0 * (-10.0_f64).exp()).ln_1p();
        assert!((f64::from(out.loss) / due - 1.0).abs() < 1e-5, "{}, expected {due}", out.loss);
        near(out.lse.clone().expect("wanted")[[0]], 20.0 + due);
    });
}

/// optax#896: a score of −∞ whose target is 0 made 0·∞ = NaN.
///
/// Seen to fail: with `weighted_gap` of `loss/softmax.wgsl` multiplying without a look at B = 0.
#[test]
fn a_mask_with_a_zero_target() {
    let scores = array![[0.0_f32, f32::NEG_INFINITY, 0.0]];
    let targets = array![[0.25_f32, 0.0, 0.75]];
    under_every_strategy(Kind::SoftmaxCe, &[1, 3], |gpu| {
        let out = gpu.softmax_ce(&Batch::new(scores.view(), targets.view())).expect("legal");
        near(out.loss, 2.0_f64.ln());
        all_near(grad_of(&out), &[0.25, 0.0, -0.25]);
    });
}

/// Exponents below, at and above 1.
const GAMMAS: [f32; 6] = [0.0, 0.3, 0.5, 1.0, 2.0, 5.0];

/// At a gap of 30, 1 − p = e⁻³⁰ = −log p to f32's digits: loss e^(−30·(γ+1)), slope γ + 1 times that, where f32 has it.
fn tiny(gamma: f32, loss: f32, slopes: &[f32]) {
    let due = (-30.0 * (f64::from(gamma) + 1.0)).exp();
    let near = |got: f32, want: f64| {
        assert!((f64::from(got) - want).abs() <= 1e-4 * want + 1.2e-38, "γ {gamma}: {got}, expected {want}");
    };
    near(loss, due);
    slopes.iter().for_each(|slope| near(slope.abs(), (f64::from(gamma) + 1.0) * due));
}

/// optax#1267: focal loss was NaN where p_y is 0 or 1, and for γ < 1, whose slope (1−p)^(γ−1) has no bound.
///
/// Seen to fail: with the quotient −log p / (1−p) taken at 1 − p = 0 too, in `loss/softmax.wgsl`.
#[test]
fn softmax_focal_at_both_ends() {
    let scores = array![[200.0_f32, 0.0], [0.0, 200.0], [30.0, 0.0]];
    under_every_strategy(Kind::SoftmaxFocal, &[3, 2], |gpu| {
        for gamma in GAMMAS {
            let loss = SoftmaxFocal::default().gamma(gamma).reduction(Reduction::None);
            let out = gpu.run(&loss, &Batch::new(scores.view(), &[0_i64; 3])).expect("legal");
            let losses = out.losses.clone().expect("unreduced");
            assert_eq!((losses[[0]], losses[[1]]), (0.0, 200.0), "γ {gamma}");
            all_zero(grad_of(&out).row(0));
            all_near(grad_of(&out).row(1), &[-1.0, 1.0]);
            tiny(gamma, losses[[2]], &[grad_of(&out)[[2, 0]], grad_of(&out)[[2, 1]]]);
        }
    });
}

/// optax#1267 on a sigmoid.
///
/// Seen to fail: with p·(1−p)/s taken at s = 0 too, in `loss/sigmoid_focal.wgsl`.
#[test]
fn sigmoid_focal_at_both_ends() {
    let scores = array![[200.0_f32, -200.0, 30.0]];
    let bytes = array![[1_u8, 1, 1]];
    under_every_strategy(Kind::SigmoidFocal, &[1, 3], |gpu| {
        for gamma in GAMMAS {
            let loss = SigmoidFocal::default().gamma(gamma).reduction(Reduction::None);
            let out = gpu.run(&loss, &Batch::new(scores.view(), bytes.view())).expect("legal");
            let losses = out.losses.clone().expect("unreduced");
            assert_eq!((losses[[0, 0]], losses[[0, 1]]), (0.0, 200.0), "γ {gamma}");
            assert_eq!((grad_of(&out)[[0, 0]].abs(), grad_of(&out)[[0, 1]]), (0.0, -1.0), "γ {gamma}");
            tiny(gamma, losses[[0, 2]], &[grad_of(&out)[[0, 2]]]);
        }
    });
}

/// PyTorch#13773: with a positive weight, a score of −120 gave NaN: exp(120) has no place in f32.
///
/// Seen to fail: with `log(1 + exp(−u))` as it is written, in `loss/sigmoid_ce.wgsl`.
#[test]
fn positive_weights_far_out() {
    let scores = array![[-120.0_f32, 120.0], [-120.0, 120.0]];
    let bytes = array![[1_u8, 1], [0, 0]];
    under_every_strategy(Kind::SigmoidCe, &[2, 2], |gpu| {
        let loss = SigmoidCe::default().pos_weight([3.0, 3.0]).reduction(Reduction::None);
        let out = gpu.run(&loss, &Batch::new(scores.view(), bytes.view())).expect("legal");
        let losses: Vec<f32> = out.losses.clone().expect("unreduced").iter().copied().collect();
        [360.0, 0.0, 0.0, 120.0].iter().zip(&losses).for_each(|(due, got)| near(*got, *due));
        all_near(grad_of(&out), &[-3.0, 0.0, 0.0, 1.0]);
    });
}

/// PyTorch#102894: binary cross-entropy at scores of ±∞ was NaN, though its limits are 0 and ∞.
///
/// Seen to fail: with 0·∞ left to stand in `loss/sigmoid_ce.wgsl`.
#[test]
fn binary_losses_of_infinite_scores() {
    const INFINITY: f32 = f32::INFINITY;
    let scores = array![[INFINITY, -INFINITY, INFINITY, -INFINITY, 0.0]];
    let bytes = array![[1_u8, 1, 0, 0, 1]];
    under_every_strategy(Kind::SigmoidCe, &[1, 5], |gpu| {
        let loss = SigmoidCe::default().reduction(Reduction::None);
        let out = gpu.run(&loss, &Batch::new(scores.view(), bytes.view())).expect("legal");
        let losses: Vec<f32> = out.losses.clone().expect("unreduced").iter().copied().collect();
        assert_eq!(losses[..4], [0.0, INFINITY, INFINITY, 0.0]);
        near(losses[4], 2.0_f64.ln());
        all_near(grad_of(&out), &[0.0, -1.0, 1.0, 0.0, -0.5]);
    });
}

/// PyTorch#11752: scores of 1e8, where lse − x has steps of 8.
///
/// Seen to fail: with the loss as A·lse − Σ B_j·u_j in `loss/softmax.wgsl`.
#[test]
fn scores_of_a_hundred_million() {
    let scores = Array2::<f32>::from_elem((2, 4), 1e8);
    under_every_strategy(Kind::SoftmaxCe, &[2, 4], |gpu| {
        let out = gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64, 3])).expect("legal");
        near(out.loss, 4.0_f64.ln());
        all_near(grad_of(&out).row(1), &[0.125, 0.125, 0.125, -0.375]);
    });
}

/// Found by a soak: 2z·lse, added to A before p_j and B_j cancelled, kept the digits of A alone. In a row of one class
/// it is the whole gradient.
#[test]
fn z_loss_has_its_digits_where_the_rest_cancels() {
    let scores = array![[0.03_f32], [-0.07], [8.0]].mapv(bf16::from_f32);
    let z = 1e-4;
    let loss = SoftmaxCe::default().z_loss(z).reduction(Reduction::Sum);
    under_every_strategy(Kind::SoftmaxCe, &[3, 1], |gpu| {
        let batch = Batch::new(scores.view(), &[0_i64, 0, 0]);
        let out = gpu.run(&loss, &batch).expect("legal");
        for (g, x) in grad_of(&out).iter().zip(&scores) {
            let due = 2.0 * f64::from(z) * x.to_f64();
            assert!((g.to_f64() / due - 1.0).abs() <= 4e-3, "{g}, expected {due}");
        }
    });
}
