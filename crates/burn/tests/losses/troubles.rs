//! What callers get wrong.

use burn::tensor::{DType, Device, Int, Tensor};
use gpu_loss_burn::{CrossEntropyLossConfig, Error, Reduction, linear_cross_entropy};

use crate::common::{floats, tensor};
use crate::devices::another;

#[test]
fn a_label_that_names_no_class_is_found_by_the_check() {
    // A device of its own: checks of other tests must not take this one's counts.
    let device = another().autodiff();
    let leaf = tensor(&[1.0; 12], [3, 4], DType::F32, &device).require_grad();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let bad = loss.forward(leaf.clone() * 1.0, Tensor::<1, Int>::from_ints([1, 4, -1], &device));
    let grads = bad.backward();
    let grad = floats(leaf.grad(&grads).expect("a gradient"));
    assert!(floats(bad)[0].is_nan());
    assert!(grad[..4].iter().all(|g| g.is_finite()) && grad[4..].iter().all(|g| *g == 0.0), "{grad:?}");
    match gpu_loss_burn::check(&device) {
        Err(Error::Targets { row: 1, count: 2, of_chunk: false }) => {}
        other => panic!("{other:?}"),
    }
    gpu_loss_burn::check(&device).expect("nothing since the last check");
}

#[test]
fn a_label_that_names_no_class_is_found_behind_a_linear_layer() {
    let device = another().autodiff();
    // Two chunks of two rows: 4 classes of 4 bytes.
    let loss = CrossEntropyLossConfig::new().with_memory(2 * 16).init(&device);
    let hidden = tensor(&[1.0; 12], [4, 3], DType::F32, &device).require_grad();
    let weight = tensor(&[0.5; 12], [3, 4], DType::F32, &device).require_grad();
    let labels = Tensor::<1, Int>::from_ints([1, 2, 0, 4], &device);
    let bad = linear_cross_entropy(hidden.clone(), weight.clone(), None, labels, &loss).expect("a loss");
    let grads = bad.backward();
    let (of_hidden, of_weight) = (hidden.grad(&grads).expect("a gradient"), weight.grad(&grads).expect("a gradient"));
    let of_hidden = floats(of_hidden);
    assert!(floats(bad)[0].is_nan() && floats(of_weight).iter().all(|g| g.is_finite()));
    assert!(of_hidden[9..].iter().all(|g| *g == 0.0) && of_hidden.iter().all(|g| g.is_finite()), "{of_hidden:?}");
    let error = gpu_loss_burn::check(&device).expect_err("a label of 4");
    assert!(matches!(error, Error::Targets { row: 1, count: 1, of_chunk: true }), "{error:?}");
    assert!(error.to_string().contains("within its chunk"), "{error}");
}

#[test]
fn shapes_and_options_that_do_not_fit_are_errors_that_say_so() {
    let device = crate::common::device();
    let logits = || tensor(&[1.0; 12], [3, 4], DType::F32, &device);
    let labels = |count: usize| Tensor::<1, Int>::zeros([count], &device);
    let say = |error: Error| error.to_string();
    let loss = CrossEntropyLossConfig::new().init(&device);
    assert_eq!(
        say(loss.try_forward(logits(), labels(4)).expect_err("4 labels")),
        "targets has shape [4], expected [3]"
    );
    let weighted = CrossEntropyLossConfig::new().with_weights(Some(vec![1.0; 3])).init(&device);
    let text = say(weighted.try_forward(logits(), labels(3)).expect_err("3 weights"));
    assert!(text.contains("class_weights") && text.contains("[3]") && text.contains("[4]"), "{text}");
    let smoothing = CrossEntropyLossConfig::new().with_smoothing(Some(1.5)).try_init(&device);
    assert!(say(smoothing.expect_err("1.5")).contains("label_smoothing"));
}

#[test]
fn a_device_that_is_not_wgpus_is_told_apart() {
    let device = Device::flex();
    assert!(!gpu_loss_burn::is_shared(&device));
    assert!(matches!(gpu_loss_burn::check(&device), Err(Error::NotShared { .. })));
}

#[test]
fn warming_up_serves_shared_devices_alone() {
    let device = crate::common::device();
    gpu_loss_burn::warm_up(&device, 33, 77).expect("a shared device");
    assert!(matches!(gpu_loss_burn::warm_up(&Device::flex(), 33, 77), Err(Error::NotShared { .. })));
    let loss = CrossEntropyLossConfig::new().with_smoothing(Some(0.1)).init(&device);
    loss.warm_up(&device, &[4, 7, 3, 5], DType::F16).expect("a shared device");
    loss.warm_up(&Device::flex(), &[4, 7], DType::F32).expect("nothing to do");
}

#[test]
fn a_batch_without_rows_has_a_loss() {
    for device in [crate::common::device(), Device::flex().autodiff()] {
        let labels = || Tensor::<1, Int>::zeros([0], &device);
        let leaf = Tensor::<2>::zeros([0, 4], &device).require_grad();
        let mean = CrossEntropyLossConfig::new().init(&device).forward(leaf.clone(), labels());
        assert_eq!(mean.dims(), [1]);
        let grads = mean.backward();
        assert_eq!(leaf.grad(&grads).expect("a gradient").dims(), [0, 4]);
        assert!(floats(mean)[0].is_nan(), "as every mean over nothing");
        let sum = CrossEntropyLossConfig::new().with_reduction(Reduction::Sum).init(&device);
        assert_eq!(floats(sum.forward(leaf.clone(), labels())), [0.0]);
        let weight = Tensor::<2>::zeros([3, 4], &device);
        let behind = linear_cross_entropy(Tensor::<2>::zeros([0, 3], &device), weight, None, labels(), &sum);
        assert_eq!(floats(behind.expect("a loss")), [0.0]);
    }
}
