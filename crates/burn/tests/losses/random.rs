//! Random configurations against the float64 reference.

use burn::tensor::{DType, Int, Tensor, TensorData};
use gpu_loss::loss::Loss;
use gpu_loss::{Batch, Reduction as Reduce, SoftmaxCe, reference};
use gpu_loss_burn::{CrossEntropyLossConfig, Reduction};
use ndarray::{ArrayD, IxDyn};

use crate::common::{Numbers, alone, device, floats, keeps, tensor};

/// One random configuration; what it computes is described by the text, for the message.
fn one(seed: u64) {
    let device = device();
    let mut r = Numbers::new(seed);
    let most = if r.one_in(4) { 70 } else { 9 };
    let n = 1 + r.below(most);
    let classes = match r.below(4) {
        0 => 1 + r.below(4),
        1 => 1 + r.below(3000),
        _ => 1 + r.below(200),
    };
    let inner = if r.one_in(4) { 1 + r.below(5) } else { 1 };
    let rows = n * inner;
    let dtype = if r.one_in(4) { DType::F16 } else { DType::F32 };
    let values = r.scores(n * classes * inner);
    let labels: Vec<i64> = (0..rows).map(|_| r.below(classes) as i64).collect();

    let mut config = CrossEntropyLossConfig::new();
    let mut spec = SoftmaxCe::default();
    let mut expected_labels = labels.clone();
    if r.one_in(3) {
        let pads: Vec<usize> = (0..1 + r.below(3)).map(|_| r.below(classes)).collect();
        for label in &mut expected_labels {
            if pads.contains(&(*label as usize)) {
                *label = pads[0] as i64;
            }
        }
        spec = spec.ignore_index(pads[0] as i64);
        config = config.with_pad_tokens(Some(pads));
    }
    if r.one_in(3) {
        let smoothing = r.unit();
        (config, spec) = (config.with_smoothing(Some(smoothing)), spec.label_smoothing(smoothing));
    }
    if r.one_in(3) {
        let weights: Vec<f32> = (0..classes).map(|_| 0.1 + 2.0 * r.unit()).collect();
        (config, spec) = (config.with_weights(Some(weights.clone())), spec.class_weights(weights));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_z_loss(1e-2), spec.z_loss(1e-2));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_softcap(Some(15.0)), spec.softcap(15.0));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_logit_scale(0.5), spec.logit_scale(0.5));
    }
    let (reduction, reduce) = [
        (Reduction::Mean, Reduce::Mean),
        (Reduction::Mean, Reduce::Mean),
        (Reduction::Sum, Reduce::Sum),
        (Reduction::BatchMean, Reduce::BatchMean),
        (Reduction::None, Reduce::None),
    ][r.below(5)];
    (config, spec) = (config.with_reduction(reduction), spec.reduction(reduce));
    let integers = [DType::I32, DType::I64, DType::U32][r.below(3)];
    let integers = if device.supports_dtype(integers) { integers } else { DType::I32 };
    // The upstream: 1, or what a loss scale (or weights of rows) makes of it.
    let upstream: Vec<f32> = if reduce == Reduce::None {
        (0..rows).map(|_| r.unit() * 2.0 - 0.5).collect()
    } else {
        vec![[1.0, 3.5][r.below(2)]]
    };
    let view = r.below(4);
    let keep = r.one_in(2);
    let what = format!(
        "seed {seed}: [{n}, {classes}, {inner}] {dtype:?} labels {integers:?} view {view} kept {keep} {config:?}"
    );

    // The scores as the device has them.
    let stored = floats(tensor(&values, [values.len()], dtype, &device));
    let shape = [n, classes, inner];
    let scores = ArrayD::from_shape_vec(IxDyn(&shape), stored).expect("a shape");
    let targets = ArrayD::from_shape_vec(IxDyn(&[n, inner]), expected_labels).expect("a shape");
    let up = ArrayD::from_shape_vec(IxDyn(&[n, inner]), upstream.clone()).ok();
    let mut batch = Batch::new(scores.view(), &targets);
    if reduce == Reduce::None {
        batch.upstream = Some(up.as_ref().expect("one a row").view());
    }
    let mut expected = reference::run(&spec.spec(), &batch).expect("a reference");
    if reduce != Reduce::None {
        expected.grad.mapv_inplace(|g| g * f64::from(upstream[0]));
    }

    let leaf = tensor(&values, shape, dtype, &device).require_grad();
    let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [n, inner]), (&device, integers));
    let loss_of = config.init(&device);
    let seen = see(leaf.clone(), view);
    let held = keep.then(|| seen.clone());
    let losses = if inner == 1 && r.one_in(2) {
        loss_of.forward(seen.reshape([n, classes]), labels.reshape([n]))
    } else {
        loss_of.forward(seen, labels)
    };
    let up = Tensor::<1>::from_floats(upstream.as_slice(), &device);
    let grads = (losses.clone() * up).sum().backward();
    let grad = leaf.grad(&grads).expect("a gradient");
    assert_eq!(grad.dtype(), dtype, "{what}");
    if let Some(held) = held {
        let (held, values) = (floats(held), floats(leaf.clone()));
        assert!(held.iter().zip(&values).all(|(a, b)| a == b), "{what}: logits that were kept have changed");
    }
    let scale = upstream.iter().fold(0.0_f32, |most, u| most.max(u.abs()))
        * if matches!(reduce, Reduce::Mean) { 2.0 / rows as f32 } else { 2.0 };
    keeps(&what, &floats(losses), &floats(grad), &expected, reduce != Reduce::None, dtype, f64::from(scale).max(1e-3));
}

/// The same values, lying otherwise in memory.
fn see(scores: Tensor<3>, view: usize) -> Tensor<3> {
    match view {
        // A buffer of its own, which nobody else holds.
        0 => scores * 1.0,
        // Transposed twice, the first time in memory.
        1 => {
            let turned = scores.swap_dims(0, 1) * 1.0;
            turned.swap_dims(0, 1)
        }
        // Rows between others.
        2 => {
            let ([n, classes, inner], scores_type) = (scores.dims(), scores.dtype());
            let both = Tensor::cat(
                vec![scores.clone() + 1.0, scores, Tensor::ones([n, 1, inner], (&device(), scores_type))],
                1,
            );
            both.slice([0..n, classes..2 * classes, 0..inner])
        }
        // The leaf itself.
        _ => scores,
    }
}

#[test]
fn two_hundred_random_configurations_keep_the_promise() {
    // Every kernel is tested here anyway: without its own test before its first use, they are built in half the time.
    if !alone("random::two_hundred_random_configurations_keep_the_promise", ("GPU_LOSS_SELF_TEST", "0")) {
        return;
    }
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => one(seed),
        None => (0..200).for_each(one),
    }
    gpu_loss_burn::check(&device()).expect("no complaint");
}
