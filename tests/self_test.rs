//! Drivers that compute wrongly, simulated: faults are put into the kernels, and the self-test must find each.

mod common;

use common::{adapters, name};
use gpu_loss::{Batch, Dtype, Error, GpuLoss, Shape, SoftmaxCe, Strategy, Targets, reference};
use ndarray::Array2;

/// A front door of its own on each adapter, self-test on.
fn fresh() -> Vec<GpuLoss> {
    let found = GpuLoss::adapters(&gpu_loss::AdapterFilter::default());
    assert_eq!(found.len(), adapters().len());
    let open = |adapter| GpuLoss::on_adapter(adapter).expect("opens");
    let all: Vec<GpuLoss> = found.iter().map(open).collect();
    all.iter().for_each(|gpu| gpu.set_self_test(true));
    all
}

/// Puts a fault into kernels whose name holds `part`: one text for another, which must be there.
fn break_kernels(gpu: &GpuLoss, part: &'static str, from: &'static str, to: &'static str) {
    gpu.alter_kernels(move |kernel, source| {
        if !kernel.contains(part) {
            return source;
        }
        // Pieces come and go with the options; the fault is where its piece is.
        source.replace(from, to)
    });
}

/// What each fault is called, and what it changes.
const STAGES: [(&str, &str, &str); 4] = [
    ("max", "r.top = select(s.top, u, above);", "r.top = select(s.top, u, above & vec4(true, true, true, false));"),
    ("sum", "r.rest = select(s.rest + e,", "r.rest = select(s.rest + e * 1.001,"),
    ("gradient store", "grad[i / 4u] = pack_quad(values);", "grad[i / 4u] = pack_quad(values * 1.001);"),
    ("lane of the gradient", "var g = ((r.p_factor * e - weight)", "var g = ((r.p_factor * e.xyzz - weight)"),
];

#[test]
fn a_fault_in_one_strategy_makes_another_serve() {
    for (stage, from, to) in STAGES {
        for gpu in fresh() {
            // 700 rows of 100 classes are for threads here, and for subgroups or workgroups if threads fail.
            let default = gpu.strategies(gpu_loss::Kind::SoftmaxCe, Shape::new(700, 100), Dtype::F32)[0];
            assert_eq!(default, Strategy::ThreadRow, "on a software adapter");
            break_kernels(&gpu, "/Thread", from, to);
            let what = format!("{} {stage}", name(&gpu));
            let logits = Array2::from_shape_fn((700, 100), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
            let labels: Vec<i64> = (0..700).map(|n| (n * 13) % 100).collect();
            let batch = Batch::new(logits.view(), Targets::Classes(&labels));
            let out = gpu.softmax_ce(&batch).unwrap_or_else(|error| panic!("{what}: {error}"));
            let refused = gpu.refused();
            assert!(refused.iter().any(|r| r.strategy == Strategy::ThreadRow), "{what}: {refused:?}");
            let expected = reference::run(&SoftmaxCe::default(), &batch).expect("legal");
            assert!(reference::compare(&out, &expected).kept(), "{what}");
            // The record answers at once the second time.
            let plan = gpu.plan(&SoftmaxCe::default(), Shape::new(800, 100), Dtype::F32).expect("another strategy");
            assert_ne!(plan.strategy(), Strategy::ThreadRow, "{what}");
            // A strategy that is forced has no other to fall back on.
            gpu.set_strategy(Some(Strategy::ThreadRow));
            let error = gpu.softmax_ce(&batch).expect_err("refused");
            assert!(matches!(error, Error::Miscompiled { .. }), "{what}: {error}");
        }
    }
}

#[test]
fn a_fault_in_what_all_strategies_share_is_an_error() {
    let stages = [
        ("target scan", "result.weight = weight_of", "result.weight = 1.5 * weight_of"),
        ("label check", "value.x >= params.all_classes", "value.x + 1u >= params.all_classes"),
        ("loss sum", "total *= scalars.loss_scale;", "total *= scalars.loss_scale * 1.001;"),
        ("tree of the sum", "partial[rank] += partial[rank + half];", "partial[rank] += partial[rank + half - 1u];"),
    ];
    for (stage, from, to) in stages {
        for gpu in fresh() {
            break_kernels(&gpu, "", from, to);
            let what = format!("{} {stage}", name(&gpu));
            let logits = Array2::from_shape_fn((6, 10), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
            let batch = Batch::new(logits.view(), Targets::Classes(&[0_i64, 1, 2, 3, 4, 5]));
            let error = gpu.softmax_ce(&batch).expect_err(&what);
            // A driver that takes good labels for bad ones is told by the labels' error, of a batch that has none.
            let told = matches!(error, Error::Miscompiled { .. } | Error::ClassOutOfRange { .. });
            assert!(told, "{what}: {error}");
            // Not asked, it goes unnoticed: it is the self-test that finds it.
            gpu.set_self_test(false);
            if stage == "loss sum" {
                let out = gpu.softmax_ce(&batch).expect("unnoticed");
                let expected = reference::run(&SoftmaxCe::default(), &batch).expect("legal");
                assert!(!reference::compare(&out, &expected).kept(), "{what}");
            }
        }
    }
}

#[test]
fn sound_kernels_pass_and_are_tested_once() {
    for gpu in fresh() {
        let first = std::time::Instant::now();
        gpu.plan(&SoftmaxCe::default(), Shape::new(64, 10), Dtype::F32).expect("a plan");
        let tested = first.elapsed();
        let second = std::time::Instant::now();
        gpu.plan(&SoftmaxCe::default(), Shape::new(65, 10), Dtype::F32).expect("a plan");
        println!("{}: first plan {tested:?}, its like {:?}", name(&gpu), second.elapsed());
        assert!(gpu.refused().is_empty());
    }
}
