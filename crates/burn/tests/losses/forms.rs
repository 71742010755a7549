//! The other losses and forms of target: against float64, on a shared device and as compositions.

use burn::tensor::{Bool, DType, Device, Int, Tensor};
use gpu_loss::loss::Asymmetric;
use gpu_loss::loss::Loss;
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Bce, Poly1, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal, Targets};
use gpu_loss_burn::{
    AsymmetricLossConfig, BinaryCrossEntropyLossConfig, CrossEntropyLossConfig, FocalLossConfig, Poly1LossConfig,
    Reduction, SigmoidFocalLossConfig,
};
use ndarray::{Array2, Array3};

use crate::common::{Numbers, device, floats, keeps, tensor};
use crate::devices::composing;

const N: usize = 5;
const C: usize = 13;

/// A batch, on the host.
struct Host {
    scores: Array2<f32>,
    labels: Vec<i64>,
    hot: Array2<u8>,
    soft: Array2<f32>,
    offsets: Vec<i64>,
    indices: Vec<i64>,
}

fn host() -> Host {
    let mut r = Numbers::new(21);
    let scores = Array2::from_shape_vec((N, C), r.scores(N * C)).expect("a shape");
    let labels = (0..N).map(|_| r.below(C) as i64).collect();
    // The third row has no true class.
    let hot = Array2::from_shape_fn((N, C), |(row, _)| u8::from(row != 2 && r.one_in(4)));
    let soft = Array2::from_shape_fn((N, C), |_| r.unit());
    let (mut offsets, mut indices) = (vec![0], vec![]);
    for row in hot.rows() {
        indices.extend(row.iter().enumerate().filter(|(_, hot)| **hot == 1).map(|(class, _)| class as i64));
        offsets.push(indices.len() as i64);
    }
    Host { scores, labels, hot, soft, offsets, indices }
}

fn expected<L: Loss>(loss: &L, scores: &Array2<f32>, targets: Targets<'_>) -> Reference {
    reference::run(&loss.spec(), &Batch::new(scores.view(), targets)).expect("a reference")
}

/// Runs a loss on a shared device, one that is not, and the CPU.
fn everywhere(what: &str, scores: &Array2<f32>, want: &Reference, run: impl Fn(&Device, Tensor<2>) -> Tensor<1>) {
    for (place, device) in [("fused", device()), ("composed", composing()), ("CPU", Device::flex().autodiff())] {
        let leaf = tensor(&scores.iter().copied().collect::<Vec<_>>(), [N, C], DType::F32, &device).require_grad();
        let loss = run(&device, leaf.clone() * 1.0);
        let grad = floats(leaf.grad(&loss.backward()).expect("a gradient"));
        // Compositions have not the kernels' accuracy.
        let scale = if place == "fused" { 1.0 } else { 10.0 };
        keeps(&format!("{what}, {place}"), &floats(loss), &grad, want, true, DType::F32, scale);
    }
}

fn ints(values: &[i64], device: &Device) -> Tensor<1, Int> {
    Tensor::from_ints(values.iter().map(|v| *v as i32).collect::<Vec<_>>().as_slice(), device)
}

fn bools(hot: &Array2<u8>, device: &Device) -> Tensor<2, Bool> {
    ints(&hot.iter().map(|v| i64::from(*v)).collect::<Vec<_>>(), device).reshape([N, C]).equal_scalar(1)
}

fn soft_of(soft: &Array2<f32>, device: &Device) -> Tensor<2> {
    tensor(&soft.iter().copied().collect::<Vec<_>>(), [N, C], DType::F32, device)
}

#[test]
fn softmax_cross_entropy_takes_all_forms_of_target() {
    let h = host();
    let spec = SoftmaxCe::default().label_smoothing(0.2).z_loss(0.01).softcap(20.0);
    let config = CrossEntropyLossConfig::new().with_smoothing(Some(0.2)).with_z_loss(0.01).with_softcap(Some(20.0));
    let probabilities = expected(&spec, &h.scores, Targets::from(&h.soft));
    everywhere("probabilities", &h.scores, &probabilities, |device, logits| {
        config.init(device).forward_probabilities(logits, soft_of(&h.soft, device)).expect("a loss")
    });
    let hot = expected(&spec, &h.scores, Targets::from(&h.hot));
    everywhere("multi-hot", &h.scores, &hot, |device, logits| {
        config.init(device).forward_multi_hot(logits, bools(&h.hot, device)).expect("a loss")
    });
    everywhere("lists", &h.scores, &hot, |device, logits| {
        let (offsets, indices) = (ints(&h.offsets, device), ints(&h.indices, device));
        config.init(device).forward_lists(logits, offsets, indices).expect("a loss")
    });
}

#[test]
fn binary_cross_entropy_takes_all_forms_of_target() {
    let h = host();
    let q: Vec<f32> = (0..C).map(|class| 0.5 + class as f32 / 10.0).collect();
    let spec = SigmoidCe::default().pos_weight(q.clone());
    let config = BinaryCrossEntropyLossConfig::new().with_logits(true).with_pos_weights(Some(q));
    let classes = expected(&spec, &h.scores, Targets::from(&h.labels));
    everywhere("classes", &h.scores, &classes, |device, logits| {
        config.init(device).forward_classes(logits, ints(&h.labels, device)).expect("a loss")
    });
    let hot = expected(&spec, &h.scores, Targets::from(&h.hot));
    everywhere("multi-hot", &h.scores, &hot, |device, logits| {
        config.init(device).forward(logits, bools(&h.hot, device).int())
    });
    everywhere("lists", &h.scores, &hot, |device, logits| {
        let (offsets, indices) = (ints(&h.offsets, device), ints(&h.indices, device));
        config.init(device).forward_lists(logits, offsets, indices).expect("a loss")
    });
    let soft = expected(&spec, &h.scores, Targets::from(&h.soft));
    everywhere("probabilities", &h.scores, &soft, |device, logits| {
        config.init(device).forward_probabilities(logits, soft_of(&h.soft, device)).expect("a loss")
    });
}

#[test]
fn given_probabilities_need_no_logits() {
    let h = host();
    let p = h.scores.mapv(|score| 1.0 / (1.0 + (-score).exp()));
    let want = expected(&Bce::default(), &p, Targets::from(&h.hot));
    everywhere("bce", &p, &want, |device, given| {
        BinaryCrossEntropyLossConfig::new().init(device).forward(given, bools(&h.hot, device).int())
    });
}

#[test]
fn binary_cross_entropy_has_burns_weights_and_smoothing() {
    let h = host();
    let device = device();
    let weights: Vec<f32> = (0..C).map(|class| 0.5 + class as f32 / 10.0).collect();
    for (weights, smoothing) in [(None, Some(0.1)), (Some(weights.clone()), None), (Some(weights), Some(0.3))] {
        let leaf = || tensor(&h.scores.iter().copied().collect::<Vec<_>>(), [N, C], DType::F32, &device).require_grad();
        let (one, two) = (leaf(), leaf());
        let targets = bools(&h.hot, &device).int();
        let config = BinaryCrossEntropyLossConfig::new().with_logits(true);
        let fused = config.with_weights(weights.clone()).with_smoothing(smoothing).init(&device);
        let burns = burn::nn::loss::BinaryCrossEntropyLossConfig::new()
            .with_logits(true)
            .with_weights(weights.clone())
            .with_smoothing(smoothing)
            .init(&device);
        let (a, b) = (fused.forward(one.clone() * 1.0, targets.clone()), burns.forward(two.clone() * 1.0, targets));
        let (grad, wanted) = (one.grad(&a.backward()), two.grad(&b.backward()));
        let (a, b) = (floats(a)[0], floats(b)[0]);
        assert!((a - b).abs() <= 1e-5 * b, "{a}, Burn's {b}");
        for (a, b) in floats(grad.expect("one")).iter().zip(floats(wanted.expect("two"))) {
            assert!((a - b).abs() <= 1e-4 * b.abs() + 1e-7, "{a}, Burn's {b}");
        }
    }
}

#[test]
fn focal_losses_are_those_of_the_reference() {
    let h = host();
    let weights: Vec<f32> = (0..C).map(|class| 0.5 + class as f32 / 10.0).collect();
    let want = expected(&SoftmaxFocal::default().class_weights(weights.clone()), &h.scores, Targets::from(&h.labels));
    everywhere("softmax", &h.scores, &want, |device, logits| {
        let config = FocalLossConfig::new().with_weights(Some(weights.clone()));
        config.init(device).forward(logits, ints(&h.labels, device))
    });
    let spec = SigmoidFocal::default().alpha(0.25);
    let want = expected(&spec, &h.scores, Targets::from(&h.hot));
    everywhere("sigmoid", &h.scores, &want, |device, logits| {
        let config = SigmoidFocalLossConfig::new().with_alpha(Some(0.25));
        config.init(device).forward(logits, bools(&h.hot, device)).expect("a loss")
    });
}

#[test]
fn poly_1_is_that_of_the_reference() {
    let h = host();
    let weights: Vec<f32> = (0..C).map(|class| 0.5 + class as f32 / 10.0).collect();
    for epsilon in [-1.0, 0.0, 2.0] {
        let spec = Poly1::default().epsilon(epsilon).class_weights(weights.clone()).ignore_index(h.labels[1]);
        let want = expected(&spec, &h.scores, Targets::from(&h.labels));
        everywhere(&format!("poly-1, {epsilon}"), &h.scores, &want, |device, logits| {
            let config = Poly1LossConfig::new().with_epsilon(epsilon).with_weights(Some(weights.clone()));
            config.with_ignore_index(Some(h.labels[1])).init(device).forward(logits, ints(&h.labels, device))
        });
    }
}

#[test]
fn a_bias_of_classes_and_the_entropy_are_those_of_the_reference() {
    let h = host();
    let bias: Vec<f32> = (0..C).map(|class| 0.3 * class as f32 - 2.0).collect();
    let spec = SoftmaxCe::default().class_bias(bias.clone()).entropy_coefficient(0.2).z_loss(0.01);
    let config = CrossEntropyLossConfig::new()
        .with_class_bias(Some(bias.clone()))
        .with_entropy_coefficient(0.2)
        .with_z_loss(0.01);
    let want = expected(&spec, &h.scores, Targets::from(&h.labels));
    everywhere("classes", &h.scores, &want, |device, logits| {
        config.init(device).forward(logits, ints(&h.labels, device))
    });
    let want = expected(&spec, &h.scores, Targets::from(&h.soft));
    everywhere("probabilities", &h.scores, &want, |device, logits| {
        config.init(device).forward_probabilities(logits, soft_of(&h.soft, device)).expect("a loss")
    });
    let want = expected(&SigmoidCe::default().class_bias(bias.clone()), &h.scores, Targets::from(&h.hot));
    everywhere("binary", &h.scores, &want, |device, logits| {
        let config = BinaryCrossEntropyLossConfig::new().with_logits(true).with_class_bias(Some(bias.clone()));
        config.init(device).forward(logits, bools(&h.hot, device).int())
    });
}

#[test]
fn asymmetric_losses_are_those_of_the_reference() {
    let h = host();
    for clip in [0.0, 0.05] {
        let (spec, config) = (Asymmetric::default().clip(clip), AsymmetricLossConfig::new().with_clip(clip));
        let hot = expected(&spec, &h.scores, Targets::from(&h.hot));
        everywhere("multi-hot", &h.scores, &hot, |device, logits| {
            config.init(device).forward(logits, bools(&h.hot, device)).expect("a loss")
        });
        everywhere("lists", &h.scores, &hot, |device, logits| {
            let (offsets, indices) = (ints(&h.offsets, device), ints(&h.indices, device));
            config.init(device).forward_lists(logits, offsets, indices).expect("a loss")
        });
        let classes = expected(&spec, &h.scores, Targets::from(&h.labels));
        everywhere("classes", &h.scores, &classes, |device, logits| {
            config.init(device).forward_classes(logits, ints(&h.labels, device)).expect("a loss")
        });
    }
}

#[test]
fn dense_predictions_have_a_row_at_every_place() {
    let mut r = Numbers::new(8);
    let (n, c, h, w) = (2, 7, 3, 5);
    let scores = Array3::from_shape_vec((n, c, h * w), r.scores(n * c * h * w)).expect("a shape");
    let labels: Vec<i64> = (0..n * h * w).map(|_| r.below(c) as i64).collect();
    let targets = ndarray::Array2::from_shape_vec((n, h * w), labels.clone()).expect("a shape");
    let spec = SoftmaxCe::default().reduction(gpu_loss::Reduction::None);
    let want = reference::run(&spec, &Batch::new(scores.view(), &targets)).expect("a reference");
    for device in [device(), Device::flex().autodiff()] {
        let values: Vec<f32> = scores.iter().copied().collect();
        let leaf = tensor(&values, [n, c, h, w], DType::F32, &device).require_grad();
        let labels = ints(&labels, &device).reshape([n, h, w]);
        let loss = CrossEntropyLossConfig::new().with_reduction(Reduction::Mean).init(&device);
        let losses = loss.forward_no_reduction(leaf.clone() * 1.0, labels);
        assert_eq!(losses.dims(), [n, h, w]);
        let grad = floats(leaf.grad(&losses.clone().sum().backward()).expect("a gradient"));
        keeps("dense", &floats(losses), &grad, &want, false, DType::F32, 1.0);
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    let device = device();
    let h = host();
    let logits = || soft_of(&h.scores, &device);
    let padded = CrossEntropyLossConfig::new().with_pad_tokens(Some(vec![0])).init(&device);
    let error = padded.forward_probabilities(logits(), soft_of(&h.soft, &device)).expect_err("pads");
    assert!(error.to_string().contains("ignore_index"), "{error}");
}
