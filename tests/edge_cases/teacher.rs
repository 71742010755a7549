//! Distillation: masks on either side, teachers that mean nothing, temperatures at their ends, one-hot and equal teachers.

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::plain;
use crate::common::values::grad_of;
use crate::{INFINITY, MASK, all_nan, all_near, all_zero, near, row};
use gpu_loss::loss::{Distillation, Divergence, Kind, Spec};
use gpu_loss::{Batch, Dtype, Error, GpuLoss, Layout, Output, Reduction, Shape, Targets};
use ndarray::{Array2, IxDyn, array};

fn distilled(gpu: &GpuLoss, spec: &Spec, scores: &Array2<f32>, teacher: &Array2<f32>) -> Output<f32, IxDyn> {
    let batch = Batch::new(scores.view().into_dyn(), Targets::logits(teacher.view().into_dyn())).with_losses();
    gpu.run(spec, &batch).unwrap_or_else(|error| panic!("{error}"))
}

/// Rows of the by-hand values of the reference, one in each row of a batch.
#[test]
fn masks_on_either_side_and_teachers_that_are_none() {
    let scores =
        array![[0.0_f32, 0.0], [0.0, MASK], [0.0, 0.0], [0.0, 0.0], [1.0, -3.0], [MASK, MASK], [0.0, f32::NAN]];
    let teacher =
        array![[3.0_f32, MASK], [0.0, 0.0], [f32::NAN, 0.0], [MASK, MASK], [5.0, 1.0], [0.0, 0.0], [0.0, 0.0]];
    let (ln_2, third) = (2.0_f64.ln(), (4.0_f64 / 3.0).ln());
    under_every_strategy(Kind::Distillation, &[7, 2], |gpu| {
        for divergence in Divergence::ALL {
            let mut spec = plain(Kind::Distillation);
            (spec.divergence, spec.reduction) = (divergence, Reduction::None);
            let out = distilled(gpu, &spec, &scores, &teacher);
            let losses = out.losses.clone().expect("wanted");
            let grad = |at: usize| row(grad_of(&out), at);
            for nothing in [2, 3, 5, 6] {
                assert!(losses[[nothing]].is_nan(), "{divergence:?} {nothing}");
                all_nan(&grad(nothing));
            }
            near(losses[[4]], 0.0);
            assert!(grad(4).iter().all(|g| g.abs() < 1e-6), "{divergence:?}: {:?}", grad(4));
            match divergence {
                Divergence::ForwardKl => {
                    near(losses[[0]], ln_2);
                    all_near(&grad(0), &[-0.5, 0.5]);
                    assert_eq!(losses[[1]], INFINITY);
                    all_near(&grad(1), &[0.5, -0.5]);
                }
                Divergence::ReverseKl => {
                    assert_eq!(losses[[0]], INFINITY);
                    all_nan(&grad(0));
                    near(losses[[1]], ln_2);
                    all_zero(&grad(1));
                }
                _ => {
                    near(losses[[0]], 0.75 * third);
                    let slope = 0.25 * (ln_2 - 0.5 * third);
                    all_near(&grad(0), &[-slope, slope]);
                    near(losses[[1]], 0.75 * third);
                }
            }
        }
    });
}

/// τ of 0.01 and 100 keep the promise against the reference, a teacher far off and one close by.
#[test]
fn temperatures_at_their_ends() {
    let scores = Array2::from_shape_fn((66, 37), |(r, c)| ((r * 31 + c * 17) % 23) as f32 * 0.25 - 2.0);
    let teachers = [
        Array2::from_shape_fn((66, 37), |(r, c)| ((r * 13 + c * 29) % 19) as f32 * 0.25),
        scores.mapv(|score| score + 0.001 * (score * 7.0).sin()),
    ];
    on_every_adapter(|gpu| {
        for (teacher, divergence) in teachers.iter().flat_map(|t| Divergence::ALL.map(|d| (t, d))) {
            for temperature in [0.01, 100.0] {
                let loss = Distillation::default().temperature(temperature).divergence(divergence);
                let batch = Batch::new(&scores, Targets::logits(teacher)).with_losses();
                let got = gpu.run(&loss, &batch).expect("computed");
                let want = gpu_loss::reference::run(&loss, &batch).expect("a reference");
                let difference = gpu_loss::reference::compare(&got, &want);
                assert!(difference.kept(), "{divergence:?} τ {temperature}: {difference:?}");
            }
        }
    });
}

#[test]
fn what_distillation_cannot_do_is_an_error() {
    let (scores, teacher) = (array![[0.0_f32, 1.0]], array![[0.5_f32, 0.5, 0.0]]);
    let loss = Distillation::default();
    on_every_adapter(|gpu| {
        let shape = gpu.run(&loss, &Batch::new(&scores, Targets::logits(&teacher))).expect_err("another shape");
        assert!(matches!(shape, Error::Shape { what: "teacher", .. }), "{shape}");
        let classes = gpu.run(&loss, &Batch::new(&scores, &[0_i64])).expect_err("classes");
        assert!(matches!(classes, Error::Unsupported { .. }), "{classes}");
        let correct = Batch::new(&scores, Targets::logits(&scores)).with_correct();
        assert!(matches!(gpu.run(&loss, &correct), Err(Error::Unsupported { .. })));
        let other = gpu.softmax_ce(&Batch::new(&scores, Targets::logits(&scores))).expect_err("logits");
        assert!(matches!(other, Error::Unsupported { .. }), "{other}");
        let layout = Layout::forward(Shape::new(4, 8), Dtype::F32).teacher(Dtype::F32).with_statistics();
        assert!(matches!(gpu.plan(&loss, &layout), Err(Error::Layout { .. })));
        for lambda in [0.0, 1.0] {
            let error = gpu.run(&loss.clone().lambda(lambda), &Batch::new(&scores, Targets::logits(&scores)));
            assert!(matches!(error, Err(Error::Option { option: "lambda", .. })), "{lambda}");
        }
    });
}
