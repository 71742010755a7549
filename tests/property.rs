//! Random batches: kernels against the reference, under every strategy in turn, on every adapter.

mod common;

use common::device::{Variation, difference};
use common::random;
use gpu_loss::GpuLoss;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Cases on the first adapter; the others, which compile kernels more slowly, get a third.
fn cases() -> u32 {
    let usual = if common::full() { 240 } else { 60 };
    std::env::var("GPU_LOSS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn holds(gpu: &GpuLoss, seed: u64) -> Result<(), TestCaseError> {
    let case = random::case(seed);
    let strategies = case.strategies(gpu);
    let strategy = strategies[seed as usize % strategies.len()];
    let gpu = &gpu.with_strategy(strategy);
    let fail = |what: String| {
        TestCaseError::fail(format!(
            "{} {} {:?} {:?} {:?}: {what}",
            common::name(gpu),
            strategy.name(),
            case.spec,
            case.dtype,
            case.scores.shape()
        ))
    };
    // On device memory that is filled with poison, so that what nothing was written to shows;
    let output = case.run_on_device(gpu, &Variation::PLAIN).map_err(|error| fail(error.to_string()))?;
    let expected = case.reference().map_err(|error| fail(error.to_string()))?;
    let mut difference = difference(&output, case.dtype, &expected);
    // and every third batch by one call as well.
    if difference.kept() && seed.is_multiple_of(3) {
        difference = case.difference(gpu).map_err(|error| fail(error.to_string()))?.0;
    }
    if difference.kept() { Ok(()) } else { Err(fail(format!("{difference:?}"))) }
}

#[test]
fn random_batches_keep_the_promise() {
    // Kernels take longer to build than to run, and one thread builds one at a time. Two share the first adapter's cases,
    // each with a device of its own.
    let (first, others) = (common::adapters().remove(0), common::adapters());
    let shares = others.into_iter().enumerate().map(|(at, gpu)| (gpu, if at == 0 { cases() / 2 } else { cases() / 3 }));
    std::thread::scope(|scope| {
        for (gpu, cases) in shares.chain([(first, cases() - cases() / 2)]) {
            scope.spawn(move || {
                let config = Config { cases, failure_persistence: None, ..Config::default() };
                let mut runner = TestRunner::new(config);
                runner.run(&any::<u64>(), |seed| holds(&gpu, seed)).unwrap_or_else(|error| panic!("{error}"));
            });
        }
    });
}
