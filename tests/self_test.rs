//! Drivers that compute wrongly, simulated: faults are put into the kernels, and the self-test must find each.

mod common;

use std::sync::Mutex;
use std::time::Instant;

use common::{adapters, name};
use gpu_loss::loss::Kind;
use gpu_loss::plan::Strategy;
use gpu_loss::{Batch, Dtype, Error, GpuLoss, Layout, Shape, SoftmaxCe, reference, wgpu};
use ndarray::Array2;

/// A front door of its own on each adapter, self-test on.
fn fresh() -> Vec<GpuLoss> {
    let found = GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default());
    assert_eq!(found.len(), adapters().len());
    let open = |adapter| GpuLoss::on_adapter(adapter).expect("opens");
    let all: Vec<GpuLoss> = found.iter().map(open).collect();
    all.iter().map(|gpu| gpu.with_self_test(true)).collect()
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

/// What each fault is called, for rows of how many classes, and what it changes. Rows of 28 classes stay in
/// registers, of 1,030 take two passes.
const STAGES: [(&str, usize, &str, &str); 6] = [
    ("max, resident", 28, "Greatest(max(s.max, logit(x, classes))", "Greatest(min(s.max, logit(x, classes))"),
    ("max, two passes", 1030, "let above = own > old;", "let above = own < old;"),
    ("sum, resident", 28, "s.rest + min(s.greatest, numerator)", "s.rest + 1.001 * min(s.greatest, numerator)"),
    ("sum, two passes", 1030, "return Sum(s.high + term);", "return Sum(s.high + 1.001 * term);"),
    ("gradient store", 28, "stored_of(pack4(values))", "stored_of(pack4(values * 1.001))"),
    ("lane of the gradient", 28, "((r.p_factor * numerator - weight)", "((r.p_factor * numerator.xyzz - weight)"),
];

#[test]
fn a_fault_in_one_strategy_makes_another_serve() {
    for (stage, classes, from, to) in STAGES {
        for gpu in fresh() {
            // Short rows are for threads here and long ones for subgroups, where there are any; others serve if these fail.
            let default = gpu.strategies(Kind::SoftmaxCe, Shape::new(70, classes))[0];
            let team = if default == Strategy::SubgroupRow { "/Subgroup" } else { "/Thread" };
            break_kernels(&gpu, team, from, to);
            let what = format!("{} {stage}", name(&gpu));
            let logits = Array2::from_shape_fn((70, classes), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
            let labels: Vec<i64> = (0..70).map(|n| (n * 13) % classes as i64).collect();
            let batch = Batch::new(logits.view(), &labels);
            let out = gpu.softmax_ce(&batch).unwrap_or_else(|error| panic!("{what}: {error}"));
            let refused = gpu.refused();
            assert!(refused.iter().any(|r| r.strategy == default), "{what}: {refused:?}");
            let expected = reference::run(&SoftmaxCe::default(), &batch).expect("legal");
            assert!(reference::compare(&out, &expected).kept(), "{what}");
            // The record answers at once the second time.
            let plan = gpu
                .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(80, classes), Dtype::F32))
                .expect("another strategy");
            assert_ne!(plan.strategy(), default, "{what}");
            // A strategy that is forced has no other to fall back on.
            let gpu = &gpu.with_strategy(default);
            let error = gpu.softmax_ce(&batch).expect_err("refused");
            assert!(matches!(error, Error::Miscompiled { .. }), "{what}: {error}");
        }
    }
}

/// Seen to fail: the gradient of the class bias was NaN on the device alone, for the self-test's rows of NaN.
#[test]
fn every_output_passes_the_self_test() {
    for gpu in fresh() {
        let logits = Array2::from_shape_fn((5, 7), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
        let labels = [0_i64, 1, 2, 3, 4];
        let batch = || Batch::new(logits.view(), &labels).with_lse().with_argmax().with_correct();
        let loss = SoftmaxCe::default().class_bias([0.5; 7]);
        let batches =
            [batch().with_grad_class_bias(), batch().with_rank(), batch().with_log_prob(), batch().with_entropy()];
        for batch in batches {
            let out = gpu.run(&loss, &batch).unwrap_or_else(|error| panic!("{}: {error}", name(&gpu)));
            let expected = reference::run(&loss, &batch).expect("legal");
            assert!(reference::compare(&out, &expected).kept(), "{}", name(&gpu));
            assert!(gpu.refused().is_empty(), "{}: {:?}", name(&gpu), gpu.refused());
        }
    }
}

#[test]
fn a_fault_in_what_all_strategies_share_is_an_error() {
    let stages = [
        ("target scan", "result.weight = weight_of", "result.weight = 1.5 * weight_of"),
        ("label check", "value.x >= params.all_classes", "value.x + 1u >= params.all_classes"),
        ("loss sum", "own += select(", "own += 1.001 * select("),
        ("tree of the sum", "partial[rank] += partial[rank + half];", "partial[rank] += partial[rank + half - 1u];"),
    ];
    for (stage, from, to) in stages {
        for gpu in fresh() {
            break_kernels(&gpu, "", from, to);
            let what = format!("{} {stage}", name(&gpu));
            let logits = Array2::from_shape_fn((6, 10), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
            let batch = Batch::new(logits.view(), &[0_i64, 1, 2, 3, 4, 5]);
            let error = gpu.softmax_ce(&batch).expect_err(&what);
            assert!(matches!(error, Error::Miscompiled { .. }), "{what}: {error}");
            assert!(error.to_string().starts_with("softmax_ce is computed wrongly on "), "{what}: {error}");
            // Each strategy is on record.
            let serving = gpu.strategies(Kind::SoftmaxCe, Shape::new(6, 10));
            let refused: Vec<Strategy> = gpu.refused().iter().map(|refusal| refusal.strategy).collect();
            assert_eq!(refused, serving, "{what}");
            // Not asked, it goes unnoticed: it is the self-test that finds it. Fewer losses are added up by the host.
            let gpu = &gpu.with_self_test(false);
            if stage == "loss sum" {
                let logits = Array2::from_shape_fn((5000, 10), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
                let labels: Vec<i64> = (0..5000).map(|n| n % 10).collect();
                let batch = Batch::new(logits.view(), &labels);
                let out = gpu.softmax_ce(&batch).expect("unnoticed");
                let expected = reference::run(&SoftmaxCe::default(), &batch).expect("legal");
                assert!(!reference::compare(&out, &expected).kept(), "{what}");
            }
        }
    }
}

#[test]
fn sound_kernels_pass_and_are_tested_once_in_a_process() {
    for gpu in fresh() {
        let loss = SoftmaxCe::default().z_loss(1e-3);
        let layout = |rows| Layout::forward_backward(Shape::new(rows, 10), Dtype::F32);
        let timed = |gpu: &GpuLoss, rows| {
            let begin = Instant::now();
            gpu.plan(&loss, &layout(rows)).expect("a plan");
            begin.elapsed()
        };
        let before = gpu.passed();
        let first = timed(&gpu, 64);
        assert_eq!(gpu.passed(), before + 1);
        let like = timed(&gpu, 68);
        // A new device of the same driver knows what passed; without any test it takes as long.
        let adapters = GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default());
        let adapter = adapters.iter().find(|a| a.get_info() == *gpu.adapter_info()).expect("the same adapter");
        let new = GpuLoss::on_adapter(adapter).expect("opens");
        let new = &new.with_self_test(true);
        let again = timed(new, 64);
        assert_eq!((gpu.passed(), new.passed()), (before + 1, before + 1));
        assert!(gpu.refused().is_empty());
        println!("{}: first plan {first:?}, its like {like:?}, on a new device {again:?}", name(&gpu));
    }
}

#[test]
fn it_runs_when_it_is_asked_to_and_not_when_it_is_off() {
    for gpu in fresh() {
        let gpu = &gpu.with_self_test(false);
        let layout = Layout::forward_backward(Shape::new(6, 10), Dtype::F32);
        break_kernels(gpu, "/Thread", "return Sum(s.high + term);", "return Sum(s.high + 1.001 * term);");
        let gpu = &gpu.with_strategy(Strategy::ThreadRow);
        gpu.plan(&SoftmaxCe::default(), &layout).expect("off");
        assert!(gpu.refused().is_empty() && gpu.passed() == 0, "nothing was tested");
        let begin = Instant::now();
        let refused = gpu.self_test(&SoftmaxCe::default(), &layout).expect("a test");
        println!("{}: every strategy in {:?}", name(gpu), begin.elapsed());
        assert!(refused.iter().any(|refusal| refusal.strategy == Strategy::ThreadRow), "{refused:?}");
        assert!(refused.len() < gpu.strategies(Kind::SoftmaxCe, layout.shape).len(), "{refused:?}");
        assert_eq!(refused, gpu.refused());
    }
}

/// A fault that only gradients over the scores, or rows apart from each other, meet.
#[test]
fn kernels_in_place_and_at_strides_are_tested_as_such() {
    let tight = Layout::forward_backward(Shape::new(70, 28), Dtype::F32);
    let cases = [
        (tight.in_place(), "scores[i] = vector", "scores[i + 1u] = vector"),
        (tight.strides(30, 32), "here * params.grad_stride", "here * params.classes"),
        (tight.strides(31, 31), "here * params.scores_stride", "here * params.classes"),
        (tight.strides(32, 32), "here * params.scores_stride", "here * params.classes"),
    ];
    for (layout, from, to) in cases {
        for gpu in fresh() {
            let what = format!("{} {from} {to}", name(&gpu));
            let loss = SoftmaxCe::default();
            break_kernels(&gpu, "", from, to);
            assert!(gpu.plan(&loss, &layout).is_err(), "{what}");
            assert_eq!(gpu.self_test(&loss, &tight).expect(&what), [], "{what}: those that lie close are right");
        }
    }
}

/// A fault that only batches which are loaded by wide loads meet: the self-test's own batch is small.
#[test]
fn wide_loads_are_tested_where_the_plan_has_them() {
    let loss = SoftmaxCe::default();
    for gpu in fresh().into_iter().filter(|gpu| gpu.device().features().contains(wgpu::Features::SHADER_INT64)) {
        break_kernels(
            &gpu,
            "",
            "put_wide(i / (4u * VECTORS_PER_LOAD), wide_of",
            "put_wide(i / (4u * VECTORS_PER_LOAD) + 1u, wide_of",
        );
        for (rows, classes) in [(30_000, 10), (300, 1000), (64, 6000), (64, 6005)] {
            let large = Layout::forward_backward(Shape::new(rows, classes), Dtype::F32);
            let refused = gpu.self_test(&loss, &large).expect("a test");
            let default = gpu.strategies(Kind::SoftmaxCe, large.shape)[0];
            assert!(refused.iter().any(|r| r.strategy == default), "{} {rows} x {classes}: {refused:?}", name(&gpu));
            let small = Layout::forward_backward(Shape::new(66, classes), Dtype::F32);
            if small.shape.elements() < 1 << 18 {
                assert_eq!(gpu.self_test(&loss, &small).expect("a test"), [], "{} {classes}", name(&gpu));
            }
        }
    }
}

/// Found by a soak: the self-test took −100 for a label of the batch, which unsigned labels cannot hold.
#[test]
fn labels_that_cannot_be_what_is_ignored_are_tested_without_it() {
    for gpu in fresh() {
        let logits = Array2::from_shape_fn((6, 4), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
        let labels: Vec<u32> = (0..6).map(|n| n % 4).collect();
        let loss = SoftmaxCe::default().ignore_index(-100);
        let batch = Batch::new(logits.view(), &labels);
        let out = gpu.run(&loss, &batch).expect("no label is ignored");
        assert!(reference::compare(&out, &reference::run(&loss, &batch).expect("legal")).kept(), "{}", name(&gpu));
    }
}

/// The warnings of this process.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("gpu_loss")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            WARNINGS.lock().expect("no test panics here").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_refusal_is_logged() {
    log::set_logger(&Logger).expect("the only one");
    log::set_max_level(log::LevelFilter::Warn);
    for gpu in fresh() {
        // A fault that no other test has.
        break_kernels(
            &gpu,
            "/Thread",
            "s.rest + min(s.greatest, numerator)",
            "s.rest + 1.5 * min(s.greatest, numerator)",
        );
        gpu.plan(&SoftmaxCe::default().softcap(30.0), &Layout::forward_backward(Shape::new(700, 28), Dtype::F32))
            .expect("another strategy");
        let line = format!("thread-row refused on {}: softmax_ce on classes, f32, comes to ", gpu.adapter_info().name);
        assert!(WARNINGS.lock().expect("no test panics here").iter().any(|warning| warning.starts_with(&line)));
    }
}
