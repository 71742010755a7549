//! Sigmoid losses whose targets are a teacher's scores: `t = σ(v/τ)` on `u = x/τ`.

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::values::grad_of;
use crate::{INFINITY, MASK, all_near, near};
use gpu_loss::batch::{Element, bf16, f16};
use gpu_loss::loss::{Asymmetric, Kind, Loss};
use gpu_loss::{
    Batch, Bce, Dtype, Error, GpuLoss, Layout, Reduction, Shape, SigmoidCe, SigmoidFocal, Targets, reference,
};
use ndarray::{Array2, array};

#[track_caller]
fn kept<L: Loss, T: Element>(gpu: &GpuLoss, loss: &L, batch: &Batch<'_, T, ndarray::Ix2>) {
    let out = gpu.run(&loss.spec(), batch).expect("legal");
    let expected = reference::run(&loss.spec(), batch).expect("legal");
    let difference = reference::compare(&out, &expected);
    assert!(difference.kept(), "{:?}: {difference:?}, {} for {}", loss.spec(), out.loss, expected.loss);
}

/// By hand: at v = 0 the target is ½, at ±∞ 1 and 0; NaN on either side is NaN there and nowhere else.
#[test]
fn limits_on_either_side() {
    let scores = array![[2.0_f32, 0.0, 3.0, -3.0, 5.0, f32::NAN, INFINITY, MASK]];
    let teacher = array![[0.0_f32, 3.0_f32.ln(), INFINITY, MASK, f32::NAN, 0.0, INFINITY, INFINITY]];
    let log1p = |x: f64| x.exp().ln_1p();
    under_every_strategy(Kind::SigmoidCe, &[1, 8], |gpu| {
        let loss = SigmoidCe::default().reduction(Reduction::None);
        let out = gpu.run(&loss, &Batch::new(&scores, Targets::logits(&teacher))).expect("legal");
        let losses = out.losses.clone().expect("unreduced");
        near(losses[[0, 0]], 1.0 + log1p(-2.0));
        near(losses[[0, 1]], 2.0_f64.ln());
        near(losses[[0, 2]], log1p(-3.0));
        near(losses[[0, 3]], log1p(-3.0));
        assert!(losses[[0, 4]].is_nan() && losses[[0, 5]].is_nan());
        assert_eq!((losses[[0, 6]], losses[[0, 7]]), (0.0, INFINITY));
        let grad = grad_of(&out).row(0).to_vec();
        let sigma = |u: f64| 1.0 / (1.0 + (-u).exp());
        all_near(&grad[..4], &[sigma(2.0) - 0.5, -0.25, -sigma(-3.0), sigma(-3.0)]);
        assert!(grad[4].is_nan() && grad[5].is_nan());
        assert_eq!((grad[6], grad[7]), (0.0, -1.0));
    });
}

/// τ² times the loss and the gradient, of which 1/τ goes to the scores: at τ = 2, twice (σ(x/2) − σ(v/2)).
#[test]
fn the_temperature_and_its_square() {
    let (scores, teacher) = (array![[1.0_f32, -2.0]], array![[-1.0_f32, 4.0]]);
    let sigma = |u: f64| 1.0 / (1.0 + (-u).exp());
    on_every_adapter(|gpu| {
        let loss = SigmoidCe::default().temperature(2.0).times_temperature_squared(true).reduction(Reduction::Sum);
        let out = gpu.run(&loss, &Batch::new(&scores, Targets::logits(&teacher))).expect("legal");
        all_near(grad_of(&out), &[2.0 * (sigma(0.5) - sigma(-0.5)), 2.0 * (sigma(-1.0) - sigma(2.0))]);
        let plain = gpu.run(&loss.times_temperature_squared(false), &Batch::new(&scores, Targets::logits(&teacher)));
        near(out.loss, 4.0 * f64::from(plain.expect("legal").loss));
    });
}

/// Types of their own on either side; teachers far off, close by and equal; temperatures at their ends; all other options.
#[test]
fn teachers_of_every_type_and_nearness() {
    let scores = Array2::from_shape_fn((13, 37), |(r, c)| ((r * 31 + c * 17) % 97) as f32 * 0.8 - 38.0);
    let far = Array2::from_shape_fn((13, 37), |(r, c)| ((r * 13 + c * 29) % 89) as f32 * 0.7 - 30.0);
    let close = scores.mapv(|score| score + 0.001 * (score * 7.0).sin());
    let weights = scores.mapv(|score| (score * 0.3).sin().abs());
    on_every_adapter(|gpu| {
        for teacher in [&far, &close, &scores] {
            for temperature in [0.01, 0.7, 1.0, 3.0, 100.0] {
                let loss = SigmoidCe::default().temperature(temperature);
                kept(gpu, &loss, &Batch::new(&scores, Targets::logits(teacher)));
            }
            let loss = SigmoidCe::default().temperature(3.0).times_temperature_squared(true);
            let q: Vec<f32> = (0..37).map(|class| 0.25 * class as f32).collect();
            let loss = loss.pos_weight(q).reduction(Reduction::None);
            kept(gpu, &loss, &Batch::new(&scores, Targets::logits(teacher)).element_weights(weights.view()));
            for gamma in [0.0, 2.0] {
                let loss = SigmoidFocal::default().gamma(gamma).alpha(0.25).temperature(1.5);
                kept(gpu, &loss, &Batch::new(&scores, Targets::logits(teacher)));
            }
            let (halves, brains) = (teacher.mapv(f16::from_f32), teacher.mapv(bf16::from_f32));
            let loss = SigmoidCe::default().temperature(2.0);
            kept(gpu, &loss, &Batch::new(&scores, Targets::logits(&halves)));
            kept(gpu, &loss, &Batch::new(&scores, Targets::logits(&brains)));
            let student = scores.mapv(bf16::from_f32);
            kept(gpu, &loss, &Batch::new(&student, Targets::logits(&halves)));
            let student = scores.mapv(f16::from_f32);
            kept(gpu, &loss, &Batch::new(&student, Targets::logits(teacher)));
        }
    });
}

/// Elements beyond one block and one load, in every type of teacher.
#[test]
fn many_elements() {
    let scores = Array2::from_shape_fn((97, 129), |(r, c)| ((r * 31 + c * 17) % 97) as f32 * 0.1 - 5.0);
    let teacher = Array2::from_shape_fn((97, 129), |(r, c)| ((r * 7 + c * 11) % 83) as f32 * 0.1 - 4.0);
    let halves = teacher.mapv(f16::from_f32);
    under_every_strategy(Kind::SigmoidCe, &[97, 129], |gpu| {
        kept(gpu, &SigmoidCe::default(), &Batch::new(&scores, Targets::logits(&teacher)));
        kept(gpu, &SigmoidCe::default(), &Batch::new(&scores, Targets::logits(&halves)));
    });
}

#[test]
fn what_a_teacher_of_elements_does_not_go_with() {
    let (scores, other) = (array![[0.0_f32, 1.0]], array![[0.5_f32, 0.5, 0.0]]);
    let hot = array![[1_u8, 0]];
    on_every_adapter(|gpu| {
        let shape = gpu.run(&SigmoidCe::default(), &Batch::new(&scores, Targets::logits(&other)));
        assert!(matches!(shape, Err(Error::Shape { what: "teacher", .. })));
        for loss in [SigmoidCe::default().temperature(2.0), SigmoidCe::default().times_temperature_squared(true)] {
            let error = gpu.run(&loss, &Batch::new(&scores, &hot)).expect_err("labels");
            assert!(error.to_string().contains("a temperature with multi-hot as targets"), "{error}");
            let layout = Layout::forward_backward(Shape::new(4, 8), Dtype::F32);
            assert!(matches!(gpu.plan(&loss, &layout), Err(Error::Unsupported { .. })));
        }
        let batch = Batch::new(&scores, Targets::logits(&scores));
        assert!(matches!(gpu.run(&Bce::default(), &batch), Err(Error::Unsupported { .. } | Error::Value { .. })));
        assert!(matches!(gpu.run(&Asymmetric::default(), &batch), Err(Error::Unsupported { .. })));
    });
}
