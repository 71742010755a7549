//! What stays in memory.

use burn::tensor::{DType, Int, Tensor};
use gpu_loss_burn::CrossEntropyLossConfig;

use crate::common::{Numbers, alone, floats, tensor};
use crate::devices::another;

/// KiB that the process holds.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_flat_over_two_thousand_steps_of_varying_shape() {
    if !alone("memory::memory_is_flat_over_two_thousand_steps_of_varying_shape", ("RUST_BACKTRACE", "0")) {
        return;
    }
    let device = another().autodiff();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut r = Numbers::new(11);
    let values = r.scores(40 * 300);
    let mut step = |last: bool| {
        let (n, classes) = (1 + r.below(40), 2 + r.below(298));
        let leaf = tensor(&values[..n * classes], [n, classes], DType::F32, &device).require_grad();
        let labels: Vec<i32> = (0..n).map(|_| r.below(classes) as i32).collect();
        let loss = loss.forward(leaf.clone() * 1.0, Tensor::<1, Int>::from_ints(labels.as_slice(), &device));
        let grads = loss.backward();
        let grad = leaf.grad(&grads).expect("a gradient");
        // A training loop looks at its loss now and then.
        if last {
            assert!(floats(loss)[0].is_finite() && floats(grad).iter().all(|g| g.is_finite()));
        }
    };
    (0..600).for_each(|at| step(at % 50 == 0));
    let before = resident();
    (0..1400).for_each(|at| step(at % 50 == 0));
    let after = resident();
    println!("{before} KiB after 600 steps, {after} KiB after 2,000");
    assert!(after < before + 24 * 1024, "{before} KiB after 600 steps, {after} KiB after 2,000");
}
