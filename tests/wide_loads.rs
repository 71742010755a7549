//! Batches of 2^18 scores and more, which Mesa's Vulkan adapter loads and stores by wide loads of two or four vectors: rows that
//! begin on wide loads, within them and off vectors, resident and in two passes, in and out of place, with and without gaps.

mod common;

use common::device::{Variation, difference};
use common::each::on_every_adapter;
use common::masked::masked;
use common::{Case, full, name, plain};
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, Dtype, Reduction, wgpu};
use ndarray::Array2;

fn softmax() -> Spec {
    let mut spec = plain(Kind::SoftmaxCe);
    spec.reduction = Reduction::Sum;
    spec
}

/// By the strategies that serve it best.
fn check(case: &Case, variations: &[Variation]) {
    let reference = case.reference().expect("a legal batch");
    on_every_adapter(|gpu| {
        // Without them there are no wide loads: such adapters have the other tests.
        if !full() && !gpu.device().features().contains(wgpu::Features::SHADER_INT64) {
            return;
        }
        let all = case.strategies(gpu);
        for strategy in &all[..all.len().min(2)] {
            let gpu = &gpu.with_strategy(*strategy);
            for v in variations {
                let what = format!("{} {} {} {v:?}", name(gpu), strategy.name(), case.name);
                let output = case.run_on_device(gpu, v).unwrap_or_else(|error| panic!("{what}: {error}"));
                let difference = difference(&output, case.dtype, &reference);
                assert!(difference.kept(), "{what}: {difference:?}");
            }
        }
    });
}

const PLAIN: Variation = Variation::PLAIN;
const IN_PLACE: Variation = Variation { in_place: true, ..PLAIN };

#[test]
fn four_rows_a_thread() {
    for (dims, dtype) in
        [([26_216, 10], Dtype::F32), ([26_216, 10], Dtype::F16), ([8192, 36], Dtype::Bf16), ([8194, 36], Dtype::F32)]
    {
        check(&masked(softmax(), &dims, dtype, 0), &[PLAIN, IN_PLACE]);
    }
    for form in 1..4 {
        check(&masked(softmax(), &[26_216, 10], Dtype::F32, form), &[PLAIN]);
    }
}

#[test]
fn rows_in_registers() {
    for (dims, dtype) in [
        ([2736, 96], Dtype::F32),
        ([2736, 96], Dtype::Bf16),
        ([2736, 100], Dtype::F32),
        ([272, 1000], Dtype::F32),
        ([272, 1000], Dtype::F16),
        ([272, 1024], Dtype::Bf16),
    ] {
        check(&masked(softmax(), &dims, dtype, 0), &[PLAIN, IN_PLACE]);
    }
    for form in 1..4 {
        check(&masked(softmax(), &[272, 1000], Dtype::F32, form), &[PLAIN]);
    }
}

/// Whole wide loads a row; rows that begin within wide loads; rows that begin within vectors, four of which share some; 16 bytes
/// short of whole wide loads in all.
#[test]
fn rows_in_two_passes() {
    for &dtype in Dtype::ALL {
        for dims in [[48, 6000], [48, 6004], [48, 6005], [49, 6007]] {
            check(&masked(softmax(), &dims, dtype, 0), &[PLAIN, IN_PLACE]);
        }
    }
}

#[test]
fn rows_in_two_passes_with_every_form_of_target() {
    for form in 1..4 {
        for dims in [[48, 6000], [48, 6004], [48, 6005]] {
            check(&masked(softmax(), &dims, Dtype::F32, form), &[PLAIN, IN_PLACE]);
            let mut smoothed = softmax();
            smoothed.label_smoothing = 0.1;
            check(&masked(smoothed, &dims, Dtype::F16, form), &[PLAIN]);
        }
    }
}

#[test]
fn gaps_between_rows() {
    let gaps = |scores_gap, grad_gap| Variation { scores_gap, grad_gap, ..PLAIN };
    let variations = [gaps(8, 8), gaps(16, 32), gaps(4, 8), gaps(4, 4), gaps(1, 1), gaps(3, 16)];
    for &dtype in Dtype::ALL {
        for dims in [[272, 1000], [48, 6000]] {
            check(&masked(softmax(), &dims, dtype, 0), &variations);
        }
    }
}

#[test]
fn elements() {
    for &dtype in Dtype::ALL {
        for dims in [[80, 3333], [81, 3333]] {
            for form in 0..4 {
                check(&masked(plain(Kind::SigmoidCe), &dims, dtype, form), &[PLAIN, IN_PLACE]);
            }
        }
    }
}

/// Of several classes with the highest score the first counts, wherever wide loads begin.
#[test]
fn the_first_of_the_highest() {
    for (rows, classes) in [(48, 6000), (48, 6004), (272, 1000)] {
        let scores = Array2::from_shape_fn((rows, classes), |(n, c)| ((n * 7 + c * 31) % 97) as f32 * 0.1);
        let labels = vec![0_i64; rows];
        let batch = Batch::new(scores.view(), &labels).with_argmax();
        on_every_adapter(|gpu| {
            let argmax = gpu.softmax_ce(&batch).expect("a legal batch").argmax.expect("asked for");
            for (row, got) in scores.rows().into_iter().zip(&argmax) {
                let highest = row.iter().copied().fold(f32::MIN, f32::max);
                let first = row.iter().position(|x| *x == highest).expect("it is there");
                assert_eq!(*got as usize, first, "{} {rows} x {classes}", name(gpu));
            }
        });
    }
}

/// Threads side by side take vectors of different lines.
#[test]
fn columns() {
    for (dims, dtype) in [([3, 21, 4200], Dtype::F32), ([3, 21, 4201], Dtype::F32), ([3, 70, 1300], Dtype::Bf16)] {
        check(&masked(softmax(), &dims, dtype, 0), &[PLAIN, IN_PLACE]);
    }
}
