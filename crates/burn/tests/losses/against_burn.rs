//! Burn's own loss, and training with it.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig as BurnsConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Int, Tensor};
use gpu_loss_burn::{CrossEntropyLoss, CrossEntropyLossConfig};

use crate::common::{Numbers, device, floats, tensor};

fn near(what: &str, got: &[f32], want: &[f32], relative: f32, absolute: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        let near = (got - want).abs() <= relative * want.abs() + absolute;
        assert!(near || (got.is_nan() && want.is_nan()), "{what}: {at} is {got}, Burn's is {want}");
    }
}

#[test]
fn burns_options_mean_what_they_mean_in_burn() {
    let device = device();
    let mut r = Numbers::new(7);
    for case in 0..24 {
        let (n, classes) = (1 + r.below(40), 2 + r.below(120));
        let pads = (case % 2 == 1).then(|| (0..1 + case % 3).map(|_| r.below(classes)).collect::<Vec<_>>());
        let weights = (case % 3 == 1).then(|| (0..classes).map(|_| 0.2 + r.unit()).collect::<Vec<_>>());
        let smoothing = (case % 4 >= 2).then(|| 0.3 * r.unit());
        let logits = case % 6 != 5;
        let values = r.scores(n * classes);
        let labels: Vec<i32> = (0..n).map(|_| r.below(classes) as i32).collect();
        let run = |fused: bool| {
            let leaf = tensor(&values, [n, classes], DType::F32, &device).require_grad();
            let input =
                if logits { leaf.clone() * 1.0 } else { burn::tensor::activation::softmax(leaf.clone() * 0.3, 1) };
            let targets = Tensor::<1, Int>::from_ints(labels.as_slice(), &device);
            let loss = if fused {
                CrossEntropyLossConfig::new()
                    .with_pad_tokens(pads.clone())
                    .with_weights(weights.clone())
                    .with_smoothing(smoothing)
                    .with_logits(logits)
                    .init(&device)
                    .forward(input, targets)
            } else {
                BurnsConfig::new()
                    .with_pad_tokens(pads.clone())
                    .with_weights(weights.clone())
                    .with_smoothing(smoothing)
                    .with_logits(logits)
                    .init(&device)
                    .forward(input, targets)
            };
            let grads = loss.backward();
            (floats(loss), floats(leaf.grad(&grads).expect("a gradient")))
        };
        let ((loss, grad), (burns_loss, burns_grad)) = (run(true), run(false));
        let what = format!("case {case}: [{n}, {classes}] {pads:?} {smoothing:?} logits {logits}");
        near(&format!("{what}: loss"), &loss, &burns_loss, 1e-5, 1e-5);
        // An all-padded batch: Burn's gradients are NaN, these are 0.
        if loss[0].is_finite() {
            near(&format!("{what}: gradient"), &grad, &burns_grad, 1e-4, 1e-6);
        }
    }
}

/// A model that has its loss as a field, as Burn's own may be had.
#[derive(Module, Debug)]
struct Model {
    layer: Linear,
    loss: CrossEntropyLoss,
}

#[test]
fn a_model_trains_as_it_does_with_burns_loss() {
    let device = device();
    device.seed(3);
    let layer = LinearConfig::new(16, 10).init(&device);
    let data = Numbers::new(5).scores(64 * 16);
    let labels: Vec<i32> = (0..64).map(|at| at % 10).collect();
    let train = |fused: bool| {
        let mut model = Model { layer: layer.clone(), loss: CrossEntropyLossConfig::new().init(&device) };
        let burns = BurnsConfig::new().init(&device);
        let mut optimizer = AdamConfig::new().init();
        let mut losses = vec![];
        for _ in 0..30 {
            let input = tensor(&data, [64, 16], DType::F32, &device);
            let targets = Tensor::<1, Int>::from_ints(labels.as_slice(), &device);
            let logits = model.layer.forward(input);
            let loss = if fused { model.loss.forward(logits, targets) } else { burns.forward(logits, targets) };
            losses.extend(floats(loss.clone()));
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(0.01, model, grads);
        }
        let valid = model.valid();
        let input = tensor(&data, [64, 16], DType::F32, &device.clone().inner());
        let targets = Tensor::<1, Int>::from_ints(labels.as_slice(), &device.clone().inner());
        losses.extend(floats(valid.loss.forward(valid.layer.forward(input), targets)));
        losses
    };
    let (fused, burns) = (train(true), train(false));
    assert!(fused[30] < 0.9 * fused[0], "it learns: {fused:?}");
    near("losses of 30 steps", &fused, &burns, 1e-4, 0.0);
}
