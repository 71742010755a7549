//! Options that were dropped, or applied where they were off.

use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, Dtype, Error, GpuLoss, Layout, Reduction, Shape, SigmoidCe, SoftmaxCe};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, array, s};

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::values::{all_near, all_zero, grad_of, near};
use crate::common::{Case, OwnedTargets, of_labels, plain};

/// Liger-Kernel#243: label smoothing silently dropped on one path. Here: every form of target, every type, both ways that
/// classes can lie, every strategy, with and without a gradient.
///
/// Seen to fail: with no smoothing where the true classes are counted (multi-hot), in `loss/softmax.wgsl`.
#[test]
fn smoothing_on_every_path() {
    on_every_adapter(|gpu| {
        Dtype::ALL.iter().for_each(|dtype| smoothed(gpu, &[3, 5, 1], *dtype));
        smoothed(gpu, &[1, 5, 3], Dtype::F32);
    });
}

fn smoothed(gpu: &GpuLoss, dims: &[usize; 3], dtype: Dtype) {
    let (rows, c) = (3, dims[1]);
    // Class 0 is true and its score 2 above the others' 0: −Σ B_j·u_j = −2·(3/4 + 1/(4·C)).
    let at_class_0 = |one: f32| ArrayD::from_shape_fn(IxDyn(dims), |at| if at[1] == 0 { one } else { 0.0 });
    let loss = (2.0_f64.exp() + c as f64 - 1.0).ln() - 2.0 * (0.75 + 0.25 / c as f64);
    for targets in [
        OwnedTargets::Classes(ArrayD::zeros(IxDyn(&[dims[0], dims[2]]))),
        OwnedTargets::Lists((0..=rows).collect(), vec![0; rows as usize]),
        OwnedTargets::MultiHot(at_class_0(1.0).mapv(|t| t as u8)),
        OwnedTargets::Probabilities(at_class_0(1.0)),
    ] {
        let mut spec = plain(Kind::SoftmaxCe);
        spec.label_smoothing = 0.25;
        let (name, scores) = (format!("{targets:?}"), at_class_0(2.0));
        let case = Case::new(name, spec, scores, dtype, targets);
        // How scores are loaded does not depend on who walks them: every strategy in one type is enough.
        let mut strategies = case.strategies(gpu);
        strategies.truncate(if dtype == Dtype::F32 { strategies.len() } else { 1 });
        for strategy in strategies {
            let gpu = &gpu.with_strategy(strategy);
            let (difference, out) = case.difference(gpu).expect("legal");
            assert!(difference.kept(), "{strategy:?} {}: {difference:?}", case.name);
            near(out.loss, loss);
        }
        let alone = Batch::new(case.scores.view(), case.targets.view()).loss_only();
        near(gpu.run(&case.spec, &alone).expect("legal").loss, loss);
    }
}

/// Liger-Kernel#678, #968: unreduced losses took the first row's upstream gradient for every row.
///
/// Seen to fail: with `io/upstream_per_loss.wgsl` reading its first element for all.
#[test]
fn each_row_has_its_own_upstream() {
    let scores = Array2::<f32>::zeros((4, 2));
    let upstream = array![1.0_f32, 0.0, -2.0, 10.0];
    let many = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 0.0]];
    under_every_strategy(Kind::SoftmaxCe, &[4, 2], |gpu| {
        let batch = Batch::new(scores.view(), &[0_i64, 0, 0, 1]).upstream(upstream.view());
        let out = gpu.run(&SoftmaxCe::default().reduction(Reduction::None), &batch).expect("legal");
        all_near(grad_of(&out), &[-0.5, 0.5, 0.0, 0.0, 1.0, -1.0, 5.0, -5.0]);
    });
    under_every_strategy(Kind::SigmoidCe, &[4, 2], |gpu| {
        let batch = Batch::new(scores.view(), &[0_i64, 0, 0, 1]).upstream(many.view());
        let out = gpu.run(&SigmoidCe::default().reduction(Reduction::None), &batch).expect("legal");
        all_near(grad_of(&out), &[-0.5, 1.0, -1.5, 2.0, -2.5, 3.0, 3.5, 0.0]);
    });
}

/// TransformerEngine#2402: an upstream gradient of stride 0 (one number for all rows, broadcast) was read out of bounds.
///
/// Seen to fail: with `api/host.rs` handing on a strided array's first element alone.
#[test]
fn a_broadcast_upstream() {
    let scores = Array2::<f32>::zeros((5, 2));
    let one = array![3.0_f32];
    on_every_adapter(|gpu| {
        let batch = Batch::new(scores.view(), &[0_i64; 5]).upstream(one.broadcast(5).expect("rows"));
        let out = gpu.run(&SoftmaxCe::default().reduction(Reduction::None), &batch).expect("legal");
        grad_of(&out).rows().into_iter().for_each(|row| all_near(row, &[-1.5, 1.5]));
    });
}

/// TransformerEngine#2734: scores whose rows do not follow each other at once were read as if they did.
///
/// Seen to fail: with `api/host.rs` handing on an array's elements in the order of memory.
#[test]
fn rows_that_lie_apart() {
    let padded = array![[0.0_f32, 2.0, 99.0], [0.0, 0.0, 99.0], [2.0, 0.0, 99.0]];
    let columns = array![[0.0_f32, 0.0, 2.0], [2.0, 0.0, 0.0]];
    let right = (-2.0_f64).exp().ln_1p();
    on_every_adapter(|gpu| {
        for view in [padded.slice(s![.., ..2]), columns.t()] {
            let loss = SoftmaxCe::default().reduction(Reduction::None);
            let out = gpu.run(&loss, &Batch::new(view, &[1_i64, 0, 1])).expect("legal");
            let losses: Vec<f32> = out.losses.clone().expect("unreduced").iter().copied().collect();
            near(losses[0], right);
            near(losses[1], 2.0_f64.ln());
            near(losses[2], 2.0 + right);
            assert_eq!(grad_of(&out).dim(), (3, 2));
            let p = 1.0 / (1.0 + (-2.0_f64).exp());
            all_near(grad_of(&out).row(2), &[p, -p]);
        }
    });
}

/// OLMo-core#702: the z-loss was added although it was off. Scores of 100 have lse² of 10⁴.
///
/// Seen to fail: with `loss/softmax.wgsl` adding 1e-4·lse² always.
#[test]
fn z_loss_off_is_off() {
    let scores = Array2::<f32>::from_elem((2, 4), 100.0);
    under_every_strategy(Kind::SoftmaxCe, &[2, 4], |gpu| {
        for kind in [Kind::SoftmaxCe, Kind::SoftmaxFocal] {
            let mut spec = plain(kind);
            spec.gamma = 0.0;
            let out = gpu.run(&spec, &Batch::new(scores.view(), &[0_i64, 3])).expect("legal");
            near(out.loss, 4.0_f64.ln());
            all_near(grad_of(&out).row(0), &[-0.375, 0.125, 0.125, 0.125]);
        }
    });
}

/// unsloth PR#10616: the softcap made scores of −cap out of masks at −∞, which then had their part in the softmax.
///
/// Seen to fail: with `loss/softmax.wgsl` leaving −∞ to tanh.
#[test]
fn softcap_keeps_masks() {
    const MASK: f32 = f32::NEG_INFINITY;
    let scores = array![[0.0_f32, MASK, 0.0, MASK, MASK, MASK, MASK]];
    under_every_strategy(Kind::SoftmaxCe, &[1, 7], |gpu| {
        // A cap of 1 would leave a mask e⁻¹ of its weight.
        let loss = SoftmaxCe::default().softcap(1.0);
        let out = gpu.run(&loss, &Batch::new(scores.view(), &[2_i64]).with_lse()).expect("legal");
        near(out.loss, 2.0_f64.ln());
        near(out.lse.clone().expect("wanted")[[0]], 2.0_f64.ln());
        all_near(grad_of(&out), &[0.5, 0.0, -0.5, 0.0, 0.0, 0.0, 0.0]);
        all_zero(grad_of(&out).slice(s![0, 3..]));
    });
}

/// tensorflow#2327: a row of zero targets had the gradient p, as if its targets added up to 1.
///
/// Seen to fail: with 1 for the sum A of the row's targets in `loss/softmax.wgsl`.
#[test]
fn targets_that_do_not_add_up_to_one() {
    let scores = Array2::<f32>::zeros((3, 4));
    let mut targets = Array2::<f32>::zeros((3, 4));
    targets.index_axis_mut(Axis(0), 1).fill(0.5);
    targets.row_mut(2).assign(&Array1::from(vec![0.5, 0.0, 0.0, 0.0]));
    under_every_strategy(Kind::SoftmaxCe, &[3, 4], |gpu| {
        let loss = SoftmaxCe::default().reduction(Reduction::None);
        let out = gpu.run(&loss, &Batch::new(scores.view(), targets.view())).expect("legal");
        let losses = out.losses.clone().expect("unreduced");
        assert_eq!(losses[[0]], 0.0);
        near(losses[[1]], 2.0 * 4.0_f64.ln());
        all_zero(grad_of(&out).row(0));
        all_zero(grad_of(&out).row(1));
        all_near(grad_of(&out).row(2), &[0.125 - 0.5, 0.125, 0.125, 0.125]);
    });
}

/// Options that a loss does not have reached it through its `Spec`: a `pos_weight` doubled softmax_ce's loss.
///
/// Seen to fail: without the first check of `loss/check.rs`.
#[test]
fn options_that_a_loss_does_not_have_are_refused_by_name() {
    type Set = fn(&mut Spec);
    use Kind::{Asymmetric, Ce, Poly1, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal};
    let options: [(&str, &[Kind], Set); 17] = [
        ("label_smoothing", &[Ce, SoftmaxCe], |spec| spec.label_smoothing = 0.1),
        ("class_weights", &[Ce, SoftmaxCe, SoftmaxFocal, Poly1], |spec| spec.class_weights = Some(vec![1.0, 2.0, 3.0])),
        ("pos_weight", &[SigmoidCe], |spec| spec.pos_weight = Some(vec![1.0, 2.0, 3.0])),
        ("z_loss", &[SoftmaxCe], |spec| spec.z_loss = 0.1),
        ("logit_scale", &[SoftmaxCe, SoftmaxFocal, Poly1], |spec| spec.logit_scale = 2.0),
        ("softcap", &[SoftmaxCe, SoftmaxFocal, Poly1], |spec| spec.softcap = Some(3.0)),
        ("gamma", &[SoftmaxFocal, SigmoidFocal], |spec| spec.gamma = 1.0),
        ("alpha", &[SigmoidFocal], |spec| spec.alpha = Some(0.25)),
        ("epsilon", &[Poly1], |spec| spec.epsilon = 0.5),
        ("class_bias", &[SoftmaxCe, SoftmaxFocal, Poly1, SigmoidCe, SigmoidFocal], |spec| {
            spec.class_bias = Some(vec![1.0, -2.0, 3.0])
        }),
        ("entropy_coefficient", &[SoftmaxCe], |spec| spec.entropy_coefficient = -0.1),
        ("margin_multiplier", &[SoftmaxCe], |spec| spec.margin_multiplier = 2.0),
        ("margin_angle", &[SoftmaxCe], |spec| spec.margin_angle = 0.5),
        ("margin_cosine", &[SoftmaxCe], |spec| spec.margin_cosine = 0.5),
        ("gamma_positive", &[Asymmetric], |spec| spec.gamma_positive = 2.0),
        ("gamma_negative", &[Asymmetric], |spec| spec.gamma_negative = 2.0),
        ("clip", &[Asymmetric], |spec| spec.clip = 0.1),
    ];
    let scores = Array2::<f32>::from_elem((2, 3), 0.5);
    on_every_adapter(|gpu| {
        for kind in of_labels() {
            for (option, having, set) in options {
                let mut spec = plain(kind);
                set(&mut spec);
                let batch = Batch::new(scores.view(), &[0_i64, 2]);
                let layout = Layout::forward_backward(Shape::new(2, 3), Dtype::F32);
                let results = [
                    spec.check(3),
                    gpu.describe(&spec, &layout).map(drop),
                    gpu_loss::reference::run(&spec, &batch).map(drop),
                ];
                for result in results {
                    match result {
                        Ok(()) => assert!(having.contains(&kind), "{} took {option}", kind.name()),
                        Err(Error::Unsupported { loss, got, .. }) => {
                            assert_eq!((loss, got.as_str()), (kind.name(), option));
                            assert!(!having.contains(&kind), "{} refused {option}", kind.name());
                        }
                        Err(error) => panic!("{} {option}: {error}", kind.name()),
                    }
                }
            }
        }
        let mut spec = plain(SoftmaxCe);
        spec.pos_weight = Some(vec![3.0; 3]);
        gpu.run(&spec, &Batch::new(scores.view(), &[0_i64, 2])).expect_err("refused");
    });
}
