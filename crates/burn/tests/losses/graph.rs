//! The loss as a node of Burn's graph.

use burn::tensor::{DType, Int, Tensor};
use gpu_loss_burn::{CrossEntropyLossConfig, Reduction};

use crate::common::{Numbers, device, floats, tensor};

const SHAPE: [usize; 2] = [12, 50];

fn leaf(device: &burn::tensor::Device) -> Tensor<2> {
    tensor(&Numbers::new(1).scores(12 * 50), SHAPE, DType::F32, device).require_grad()
}

fn targets(device: &burn::tensor::Device) -> Tensor<1, Int> {
    Tensor::from_ints([0, 3, 49, 7, 7, 12, 31, 2, 1, 40, 22, 5], device)
}

/// The gradient of the plain loss, against which the others are held.
fn plain() -> Vec<f32> {
    let device = device();
    let leaf = leaf(&device);
    let loss = CrossEntropyLossConfig::new().init(&device).forward(leaf.clone() * 1.0, targets(&device));
    floats(leaf.grad(&loss.backward()).expect("a gradient"))
}

fn is_times(got: &[f32], factor: f32) {
    for (got, want) in got.iter().zip(plain()) {
        assert!(
            (got - want * factor).abs() <= 3e-6 * (want * factor).abs() + 1e-9,
            "{got}, expected {}",
            want * factor
        );
    }
}

#[test]
fn a_loss_that_nobody_uses_does_no_harm() {
    let device = device();
    let leaf = leaf(&device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let logits = leaf.clone() * 1.0;
    drop(loss.forward(logits.clone(), targets(&device)));
    let unused = loss.forward(logits.clone() * 3.0, targets(&device));
    let grads = loss.forward(logits, targets(&device)).backward();
    is_times(&floats(leaf.grad(&grads).expect("a gradient")), 1.0);
    assert!(floats(unused)[0].is_finite());
}

#[test]
fn a_loss_used_twice_has_both_gradients() {
    let device = device();
    let leaf = leaf(&device);
    let loss = CrossEntropyLossConfig::new().init(&device).forward(leaf.clone() * 1.0, targets(&device));
    let grads = (loss.clone() * 0.5 + loss).backward();
    is_times(&floats(leaf.grad(&grads).expect("a gradient")), 1.5);
}

#[test]
fn two_losses_share_their_logits() {
    let device = device();
    let leaf = leaf(&device);
    let logits = leaf.clone() * 1.0;
    let loss = CrossEntropyLossConfig::new().init(&device);
    let sum = loss.forward(logits.clone(), targets(&device)) + loss.forward(logits, targets(&device));
    is_times(&floats(leaf.grad(&sum.backward()).expect("a gradient")), 2.0);
}

#[test]
fn an_activation_that_needs_its_output_backward_keeps_it() {
    // tanh's gradient is made of its output: if the loss wrote over it, the gradient would come out wrong.
    let device = device();
    let through = |fused: bool| {
        let leaf = leaf(&device);
        let logits = (leaf.clone() * 0.2).tanh();
        let loss = if fused {
            CrossEntropyLossConfig::new().init(&device).forward(logits, targets(&device))
        } else {
            burn::nn::loss::CrossEntropyLossConfig::new().init(&device).forward(logits, targets(&device))
        };
        floats(leaf.grad(&loss.backward()).expect("a gradient"))
    };
    for (got, want) in through(true).iter().zip(through(false)) {
        assert!((got - want).abs() <= 1e-4 * want.abs() + 1e-7, "{got}, expected {want}");
    }
}

#[test]
fn gradients_add_up_over_two_backwards() {
    let device = device();
    let leaf = leaf(&device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut sum: Option<Tensor<2>> = None;
    for part in 0..2 {
        let rows = [part * 6..part * 6 + 6, 0..50];
        let logits = leaf.clone().slice(rows) * 1.0;
        let grads = loss.forward(logits, targets(&device).slice(part * 6..part * 6 + 6)).backward();
        let grad = leaf.grad(&grads).expect("a gradient");
        sum = Some(sum.map_or(grad.clone(), |sum| sum + grad));
    }
    // Each half's mean divides by 6, the whole's by 12.
    is_times(&floats(sum.expect("two halves")), 2.0);
}

#[test]
fn checkpointing_changes_nothing() {
    let device = device().gradient_checkpointing();
    let leaf = leaf(&device);
    let logits = (leaf.clone() * 2.0) * 0.5;
    let loss = CrossEntropyLossConfig::new().init(&device).forward(logits, targets(&device));
    is_times(&floats(leaf.grad(&loss.backward()).expect("a gradient")), 1.0);
}

#[test]
fn a_part_of_the_losses_sends_gradients_to_its_rows_alone() {
    let device = device();
    let leaf = leaf(&device);
    let loss = CrossEntropyLossConfig::new().with_reduction(Reduction::None).init(&device);
    let losses = loss.forward(leaf.clone() * 1.0, targets(&device));
    assert_eq!(losses.dims(), [12]);
    let grad = floats(leaf.grad(&losses.slice(0..1).sum().backward()).expect("a gradient"));
    assert!(grad[..50].iter().any(|g| *g != 0.0) && grad[50..].iter().all(|g| *g == 0.0));
}

#[test]
fn several_pad_tokens_are_all_skipped() {
    let device = device();
    let leaf = leaf(&device);
    let config = CrossEntropyLossConfig::new().with_pad_tokens(Some(vec![7, 3, 49])).with_ignore_index(Some(-100));
    let labels = targets(&device).slice(0..11);
    let labels = Tensor::cat(vec![labels, Tensor::from_ints([-100], &device)], 0);
    let grads = config.init(&device).forward(leaf.clone() * 1.0, labels).backward();
    let grad = floats(leaf.grad(&grads).expect("a gradient"));
    let skipped: Vec<usize> = (0..12).filter(|row| grad[row * 50..][..50].iter().all(|g| *g == 0.0)).collect();
    assert_eq!(skipped, [1, 2, 3, 4, 11]);
    let sum: f32 = grad[..50].iter().filter(|g| **g < 0.0).sum();
    let p = plain()[..50].iter().filter(|g| **g < 0.0).sum::<f32>();
    assert!((sum - p * 12.0 / 7.0).abs() < 1e-5, "the mean divides by the 7 rows that count: {sum}, {p}");
}
