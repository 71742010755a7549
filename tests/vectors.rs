//! Inputs and results from PyTorch: the reference to float64's digits, the kernels within the promise, on every
//! adapter, with every strategy that serves the shape.

mod common;

use ndarray::ArrayD;

#[test]
fn the_reference_is_pytorch() {
    let vectors = common::vectors();
    assert!(std::env::var_os("GPU_LOSS_VECTORS").is_some() || vectors.len() >= 84, "{} vectors", vectors.len());
    for (case, expected) in &vectors {
        let got = case.reference().unwrap_or_else(|error| panic!("{}: {error}", case.name));
        if expected.loss.ndim() == 0 {
            near(&case.name, "loss", &ArrayD::from_elem(vec![], got.loss), &expected.loss);
        } else {
            near(&case.name, "loss", &got.losses, &expected.loss);
        }
        near(&case.name, "grad", &got.grad, &expected.grad);
        if let Some(losses) = &expected.losses {
            near(&case.name, "losses", &got.losses, losses);
        }
        let rank = got.rank.as_ref().map(|rank| rank.mapv(f64::from));
        for (what, got, want) in [
            ("lse", &got.lse, &expected.lse),
            ("log_prob", &got.log_prob, &expected.log_prob),
            ("entropy", &got.entropy, &expected.entropy),
            ("rank", &rank, &expected.rank),
        ] {
            if let (Some(got), Some(want)) = (got, want) {
                near(&case.name, what, got, want);
            }
        }
    }
}

/// The options are f32 here and float64 there: the digits of 0.1 differ behind the seventh.
fn near(case: &str, what: &str, got: &ArrayD<f64>, want: &ArrayD<f64>) {
    assert_eq!(got.shape(), want.shape(), "{case}: {what}");
    let largest = want.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
    for (got, want) in got.iter().zip(want) {
        let same = got == want || (got.is_nan() && want.is_nan());
        // λ of 0.3 cancels against what it weighs.
        let floor = if case.contains("jensen") { 1e-7 } else { 1e-8 };
        assert!(
            same || (got - want).abs() <= 2e-6 * want.abs() + floor * largest + 1e-14,
            "{case}: {what} is {got}, expected {want}"
        );
    }
}

#[test]
fn the_kernels_keep_the_promise() {
    common::each::on_every_adapter(|gpu| {
        for (case, _) in common::vectors() {
            case.check(gpu);
        }
    });
}
