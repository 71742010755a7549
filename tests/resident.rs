//! Rows that stay in registers, which takes 64 of them: every form of target, type and way of staying there against the
//! reference. The lengths are those at which a way begins or ends: whole vectors and broken ones, a thread's four rows (up to
//! 32 classes), a team's rows (up to 32 vec4 an invocation), the last three rows behind a tile.

mod common;

use common::each::on_every_adapter;
use common::masked::masked;
use common::{name, plain};
use gpu_loss::loss::Kind;
use gpu_loss::{Dtype, Reduction};
use ndarray::Array1;

fn check(dims: &[usize], dtype: Dtype, form: usize, change: impl Fn(&mut gpu_loss::loss::Spec)) {
    let mut spec = plain(Kind::SoftmaxCe);
    spec.reduction = Reduction::Sum;
    change(&mut spec);
    let case = masked(spec, dims, dtype, form);
    on_every_adapter(|gpu| {
        let all = case.strategies(gpu);
        // Barriers are dear on a processor: strategies without come first.
        for strategy in &all[..all.len().min(2)] {
            let gpu = &gpu.with_strategy(*strategy);
            let difference = case.difference(gpu).unwrap_or_else(|error| panic!("{}: {error}", case.name)).0;
            assert!(difference.kept(), "{} {} {}: {difference:?}", name(gpu), strategy.name(), case.name);
        }
    });
}

#[test]
fn four_rows_a_thread() {
    for (classes, dtype) in [(3, Dtype::F32), (10, Dtype::F16), (32, Dtype::Bf16), (33, Dtype::F32)] {
        (0..4).for_each(|form| check(&[67, classes], dtype, form, |_| {}));
    }
}

#[test]
fn a_row_a_team() {
    for (classes, dtype) in [(132, Dtype::F32), (133, Dtype::Bf16), (1003, Dtype::F32)] {
        (0..4).for_each(|form| check(&[65, classes], dtype, form, |_| {}));
    }
}

/// Long rows of threads, which do not begin on lines of 64 bytes: threads side by side take every fourth.
#[test]
fn rows_across_lines() {
    for classes in [92, 100, 108, 124] {
        check(&[67, classes], Dtype::F32, 0, |_| {});
        check(&[67, classes], Dtype::F32, 0, |spec| {
            spec.label_smoothing = 0.1;
            spec.z_loss = 1e-3;
        });
    }
}

#[test]
fn columns() {
    for (dims, dtype) in [([7, 21, 12], Dtype::F32), ([7, 5, 11], Dtype::Bf16)] {
        (0..4).for_each(|form| check(&dims, dtype, form, |_| {}));
    }
}

#[test]
fn under_options() {
    for form in 0..4 {
        for dims in [vec![66, 7], vec![66, 41], vec![66, 143], vec![6, 9, 12]] {
            check(&dims, Dtype::F32, form, |spec| {
                spec.label_smoothing = 0.1;
                spec.class_weights = Some(Array1::linspace(0.5, 1.5, dims[1]).to_vec());
            });
            check(&dims, Dtype::F32, form, |spec| (spec.softcap, spec.z_loss) = (Some(20.0), 0.01));
        }
    }
}
