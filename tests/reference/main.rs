//! The float64 reference by itself, without a GPU: its gradients against finite differences of its losses, its losses
//! against values worked by hand, and the formulas of the tutorial that the losses come from.

#[path = "../common/mod.rs"]
mod common;

mod by_hand;
mod difference;
mod extremes;
mod gradients;
mod outputs;

use common::{Case, OwnedTargets, of_labels, plain};
use gpu_loss::batch::{bf16, f16};
use gpu_loss::loss::{EmptyMean, Kind, Spec};
use gpu_loss::{Batch, Dtype, Reduction, Targets, reference};
use ndarray::{ArrayD, IxDyn, array};

/// One row, one label.
pub(crate) fn single(spec: Spec, scores: &[f32], label: i64) -> Case {
    let name = format!("{} {scores:?} {label}", spec.kind.name());
    let scores = ArrayD::from_shape_vec(IxDyn(&[1, scores.len()]), scores.to_vec()).expect("a row");
    Case::new(name, spec, scores, Dtype::F32, OwnedTargets::Classes(ArrayD::from_elem(IxDyn(&[1]), label)))
}

/// To float64's last digits.
pub(crate) fn near(got: f64, want: f64) {
    assert!((got - want).abs() <= 4e-15 * want.abs().max(0.25), "{got}, worked by hand {want}");
}

pub(crate) fn all_near<'a>(got: impl IntoIterator<Item = &'a f64>, want: &[f64]) {
    let got: Vec<f64> = got.into_iter().copied().collect();
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).for_each(|(g, w)| near(*g, *w));
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
    let lists = Targets::lists(&[0_i64, 2, 5], &[0_i64, 1, 1, 2, 3]);
    let bytes = array![[1_u8, 1, 0, 0], [0, 1, 1, 1]];
    for targets in [lists, Targets::from(bytes.view())] {
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
    let got = reference::run(&spec, &Batch::new(scores.view(), bytes.view())).expect("a reference");
    // −log σ(1) − log(1 − σ(−1)) − log σ(0) = 2·0.3132617 + ln 2; gradient a − y: σ(1) − 1, σ(−1), −1/2.
    near(got.loss, 2.0 * 0.313_261_687_518_222_86 + std::f64::consts::LN_2);
    all_near(&got.grad, &[-0.268_941_421_369_995_1, 0.268_941_421_369_995_1, -0.5]);
}

/// Nothing to divide by: every row ignored, or no rows. The mean is NaN, or 0 on request; the gradient is 0.
#[test]
fn the_empty_mean() {
    for kind in of_labels() {
        let mut spec = plain(kind);
        spec.ignore_index = Some(-1);
        let scores = array![[0.5_f32, 0.25], [0.125, 0.75]];
        let ignored = Batch::new(scores.view(), &[-1_i64, -1]);
        let got = reference::run(&spec, &ignored).expect("a reference");
        assert!(got.loss.is_nan() && got.grad.iter().all(|g| *g == 0.0), "{}", kind.name());
        spec.empty_mean = EmptyMean::Zero;
        let got = reference::run(&spec, &ignored).expect("a reference");
        assert!(got.loss == 0.0 && got.grad.iter().all(|g| *g == 0.0), "{}", kind.name());

        let nothing = ArrayD::<f32>::zeros(IxDyn(&[0, 2]));
        let no_rows = Batch::new(nothing.view(), &[] as &[i64; 0]);
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
        let got = reference::run(&spec, &Batch::new(scores.view(), &labels)).expect("a reference");
        (got.loss, got.grad)
    };
    let got = reference::run(&spec, &Batch::new(halves.view(), &labels)).expect("a reference");
    assert_eq!((got.loss, got.grad), of(halves.mapv(f16::to_f32)));
    let got = reference::run(&spec, &Batch::new(brains.view(), &labels)).expect("a reference");
    assert_eq!((got.loss, got.grad), of(brains.mapv(bf16::to_f32)));
}
