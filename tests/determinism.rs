//! The same plan on the same adapter gives the same bits: every run, in every thread, through every plan, in chunks or
//! whole, under every strategy.

mod common;

use std::sync::Barrier;

use common::device::{Variation, narrow};
use common::random;
use common::values::grad_of;
use common::{Case, adapters, name};
use gpu_loss::loss::Kind;
use gpu_loss::plan::Strategy;
use gpu_loss::{Dtype, GpuLoss, Output};
use ndarray::{ArrayD, IxDyn};

/// Runs of each case.
const RUNS: usize = 100;

/// Where the order of a sum could show: rows shared by many invocations, losses of many rows, weights that add up.
fn cases() -> Vec<Case> {
    let mut weighted = case(Kind::SoftmaxCe, Dtype::F32, &[37, 257], 1);
    weighted.spec.class_weights = Some((0..257).map(|class| 0.1 + 0.013 * class as f32).collect());
    weighted.spec.label_smoothing = 0.1;
    vec![
        weighted,
        case(Kind::SoftmaxCe, Dtype::Bf16, &[5, 3001], 2),
        case(Kind::SoftmaxFocal, Dtype::F32, &[600, 11], 3),
        case(Kind::SigmoidCe, Dtype::F32, &[64, 100], 4),
        case(Kind::SoftmaxCe, Dtype::F32, &[2, 7, 9, 13], 5),
    ]
}

fn case(kind: Kind, dtype: Dtype, dims: &[usize], seed: u64) -> Case {
    random::of_classes(kind, dtype, dims, seed, |r| 5.0 * r.normal())
}

/// All bits of an output.
fn bits(output: &Output<f64, IxDyn>) -> Vec<u64> {
    let floats = |array: &Option<ArrayD<f32>>| {
        array.iter().flatten().map(|value| u64::from(value.to_bits())).collect::<Vec<u64>>()
    };
    let mut all = vec![u64::from(output.loss.to_bits()), output.correct.unwrap_or(0)];
    all.extend(grad_of(output).iter().map(|value| value.to_bits()));
    all.extend(floats(&output.losses));
    all.extend(floats(&output.lse));
    all.extend(output.argmax.iter().flatten().map(|class| u64::from(*class)));
    all
}

/// The bits of one call, which keeps the promise.
fn run(gpu: &GpuLoss, case: &Case) -> Vec<u64> {
    let (difference, output) = case.difference(gpu).expect("legal");
    assert!(difference.kept(), "{}: {difference:?}", case.name);
    bits(&output)
}

/// On every adapter, each case under every strategy that serves it.
fn everywhere(test: impl Fn(&GpuLoss, &Case, Strategy)) {
    for gpu in adapters() {
        for case in cases() {
            for strategy in case.strategies(&gpu) {
                let gpu = &gpu.with_strategy(strategy);
                eprintln!("{} {} {}", name(gpu), strategy.name(), case.name);
                test(gpu, &case, strategy);
            }
        }
    }
}

#[test]
fn a_hundred_runs_and_plans_made_anew_give_the_same_bits() {
    everywhere(|gpu, case, strategy| {
        let first = run(gpu, case);
        // A device of its own makes its plan and kernels anew.
        let adapters = GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default());
        let adapter = adapters.iter().find(|a| a.get_info() == *gpu.adapter_info()).expect("the same adapter");
        let other = GpuLoss::on_adapter(adapter).expect("opens");
        let other = &other.with_self_test(false);
        let other = &other.with_strategy(strategy);
        assert!(run(other, case) == first, "another device");
        for turn in 1..RUNS {
            let again = bits(&case.output(gpu).expect("legal"));
            assert!(again == first, "run {turn}");
        }
    });
}

#[test]
fn threads_that_share_a_plan_get_the_same_bits() {
    const THREADS: usize = 4;
    everywhere(|gpu, case, _| {
        let first = run(gpu, case);
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..5 {
                        let again = bits(&case.output(gpu).expect("legal"));
                        assert!(again == first, "in a thread");
                    }
                });
            }
        });
    });
}

#[test]
fn chunks_give_the_bits_of_the_whole() {
    // Over 64 KiB each; no row is larger than that, so that none is cut.
    let cases = [
        case(Kind::SoftmaxCe, Dtype::F32, &[300, 101], 6),
        case(Kind::SoftmaxCe, Dtype::Bf16, &[41, 3001], 7),
        case(Kind::SigmoidCe, Dtype::F32, &[200, 99], 8),
        case(Kind::SoftmaxCe, Dtype::F32, &[5, 7, 50, 20], 9),
    ];
    for gpu in adapters() {
        let narrow = narrow(&gpu, 1 << 16);
        for case in &cases {
            for strategy in case.strategies(&gpu) {
                let what = format!("{} {} {}", name(&gpu), strategy.name(), case.name);
                let gpu = &gpu.with_strategy(strategy);
                let narrow = &narrow.with_strategy(strategy);
                let whole = case.run_on_device(gpu, &Variation::PLAIN).expect("whole");
                let chunked = case.run_on_device(narrow, &Variation::PLAIN).expect("chunked");
                assert!(bits(&whole) == bits(&chunked), "{what}");
                // One call on host arrays comes to the same loss.
                let called = case.output(gpu).expect("legal");
                assert_eq!(called.loss.to_bits(), whole.loss.to_bits(), "{what}: one call");
            }
        }
    }
}
