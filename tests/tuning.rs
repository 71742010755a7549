//! Strategies chosen by the clock: what is chosen serves, is remembered, and survives in a file that is checked.

mod common;

use std::path::PathBuf;

use common::{adapters, name};
use gpu_loss::batch::TargetForm;
use gpu_loss::builder::Tuning;
use gpu_loss::layout::Upstream;
use gpu_loss::loss::{Kind, Loss};
use gpu_loss::{Batch, Dtype, Error, GpuLoss, Layout, Reduction, Result, Shape, SigmoidCe, SoftmaxCe, reference};
use ndarray::Array2;

/// A path of this test's own, with nothing there.
fn path(test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("gpu-loss-{test}-{}.txt", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// Front doors on all adapters that choose by the clock.
fn measuring() -> Vec<GpuLoss> {
    let all = adapters();
    all.iter().map(|gpu| gpu.with_tuning(Tuning::Measure)).collect()
}

fn check(gpu: &GpuLoss, loss: &impl Loss, (rows, classes): (usize, usize)) {
    let scores = Array2::from_shape_fn((rows, classes), |(n, c)| ((n * 37 + c * 11) % 97) as f32 * 0.07);
    let labels: Vec<i64> = (0..rows).map(|n| (n * 13 % classes) as i64).collect();
    let batch = Batch::new(scores.view(), &labels);
    let out = gpu.run(loss, &batch).expect("runs");
    let expected = reference::run(&loss.spec(), &batch).expect("legal");
    let difference = reference::compare(&out, &expected);
    assert!(difference.kept(), "{} {rows}x{classes}: {difference:?}", name(gpu));
}

#[test]
fn what_is_chosen_serves_keeps_the_promise_and_is_measured_once() {
    for gpu in measuring() {
        let mut measured = 0;
        for shape in [(700, 10), (60, 1000), (3, 40_000)] {
            let plan = gpu
                .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(shape.0, shape.1), Dtype::F32))
                .expect("a plan");
            measured += 1;
            assert_eq!(gpu.measured(), measured, "{}", name(&gpu));
            let serve = gpu.strategies(Kind::SoftmaxCe, Shape::new(shape.0, shape.1));
            assert!(serve.contains(&plan.strategy()), "{} {shape:?}: {:?}", name(&gpu), plan.strategy());
            check(&gpu, &SoftmaxCe::default(), shape);
            let again = gpu
                .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(shape.0, shape.1), Dtype::F32))
                .expect("a plan");
            assert_eq!(again.strategy(), plan.strategy());
            assert_eq!(gpu.measured(), measured, "{}: remembered", name(&gpu));
        }
        check(&gpu, &SigmoidCe::default(), (40, 300));
        assert_eq!(gpu.measured(), measured + 1, "another loss is another class");
    }
}

#[test]
fn the_model_and_forced_strategies_measure_nothing() {
    for gpu in adapters() {
        assert_eq!(gpu.tuning(), Tuning::Model);
        check(&gpu, &SoftmaxCe::default(), (60, 1000));
        let gpu = &gpu.with_tuning(Tuning::Measure);
        for strategy in gpu.strategies(Kind::SoftmaxCe, Shape::new(60, 1000)) {
            let gpu = &gpu.with_strategy(strategy);
            let plan = gpu
                .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(60, 1000), Dtype::F32))
                .expect("a plan");
            assert_eq!(plan.strategy(), strategy);
        }
        // Down the classes there is nothing to choose.
        gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::spatial(2, 21, 64), Dtype::F32))
            .expect("a plan");
        assert_eq!(gpu.measured(), 0, "{}", name(gpu));
    }
}

#[test]
fn every_input_and_output_of_a_layout_is_at_hand() {
    let plain = |targets, dtype| Layout::forward_backward(Shape::new(65, 33), dtype).targets(targets);
    let mut everything = plain(TargetForm::Lists, Dtype::F16).with_statistics().denominator().in_place();
    everything.scores_stride = Some(40);
    everything.upstream = Upstream::Scalar;
    (everything.outputs.losses, everything.outputs.lse, everything.outputs.argmax) = (true, true, true);
    everything.outputs.correct = true;
    let weighted = plain(TargetForm::MultiHot, Dtype::Bf16).element_weights().upstream(Upstream::PerLoss);
    let unreduced = SigmoidCe::default().reduction(Reduction::None);
    for gpu in measuring() {
        let plans: [Result<_>; 3] = [
            gpu.plan(&SoftmaxCe::default(), &everything),
            gpu.plan(&unreduced, &weighted),
            gpu.plan(&SoftmaxCe::default(), &plain(TargetForm::Probabilities, Dtype::F32)),
        ];
        for plan in plans {
            plan.expect("a plan");
        }
        assert_eq!(gpu.measured(), 3, "{}: a buffer that is missing would fail the measuring", name(&gpu));
    }
}

#[test]
fn choices_survive_in_a_file() {
    let path = path("survives");
    for gpu in measuring() {
        assert_eq!(gpu.load_tuning(&path).expect("no choices").choices, 0);
        let plan = gpu
            .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(60, 1000), Dtype::F32))
            .expect("a plan");
        gpu.save_tuning(&path).expect("saved");
        // A device of its own on the same adapter.
        let info = gpu.adapter_info();
        let later = measuring().into_iter().find(|other| other.adapter_info() == info).expect("the same adapter");
        assert_eq!(later.load_tuning(&path).expect("loaded").choices, 1, "{}", name(&gpu));
        let again = later
            .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(60, 1000), Dtype::F32))
            .expect("a plan");
        assert_eq!((again.strategy(), later.measured()), (plan.strategy(), 0), "{}", name(&gpu));
        check(&later, &SoftmaxCe::default(), (60, 1000));
    }
    // One file for all adapters, and nothing beside it.
    let last = measuring().pop().expect("an adapter");
    assert_eq!(last.load_tuning(&path).expect("loaded").others.len(), adapters().len() - 1);
    let own = path.file_name().expect("a name").to_string_lossy().into_owned();
    let left = std::fs::read_dir(std::env::temp_dir()).expect("a folder").filter_map(std::result::Result::ok);
    let left = left.map(|e| e.file_name().to_string_lossy().into_owned()).filter(|n| n.contains(&own) && *n != own);
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
    std::fs::remove_file(&path).expect("there");
}

#[test]
fn choices_of_others_are_ignored_and_kept() {
    let path = path("others");
    let other = "0.0.9 | vulkan | Another GPU | driver | 1.2.3";
    let text = format!("gpu-loss tuning 1\n[{other}]\nsplit-row softmax_ce f32 64x1000x1 classes i64\nend 1\n");
    std::fs::write(&path, &text).expect("written");
    let gpu = measuring().remove(0);
    let found = gpu.load_tuning(&path).expect("sound");
    assert_eq!((found.choices, found.others), (0, vec![other.to_owned()]));
    gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(60, 1000), Dtype::F32)).expect("a plan");
    assert_eq!(gpu.measured(), 1, "another's choice does not count");
    gpu.save_tuning(&path).expect("saved");
    let saved = std::fs::read_to_string(&path).expect("text");
    assert!(saved.contains(&format!("[{other}]\nsplit-row softmax_ce f32 64x1000x1 classes i64\n")), "{saved}");
    assert!(saved.ends_with("end 2\n"), "{saved}");
    std::fs::remove_file(&path).expect("there");
}

#[test]
fn damaged_files_are_refused_and_left_alone() {
    let path = path("damaged");
    let gpu = measuring().remove(0);
    let cases: [(&[u8], &str); 5] = [
        (b"", "is empty, expected \"gpu-loss tuning 1\""),
        (b"gpu-loss tuning 1\n[0 | a]\nthread-row x\n", "is cut off: its last line"),
        (b"gpu-loss tuning 1\n[0 | a]\nthread-raw x\nend 1\n", "line 3: \"thread-raw x\" names no strategy"),
        (b"gpu-loss tuning 1\n[0 | a]\nend 1\n", "line 3: the end speaks of \"1\" choices, found 0"),
        (b"gpu-loss tuning 1\n\xff\nend 0\n", "is not text: byte 18 is not UTF-8"),
    ];
    for (bytes, expected) in cases {
        std::fs::write(&path, bytes).expect("written");
        for result in [gpu.load_tuning(&path).map(|_| ()), gpu.save_tuning(&path)] {
            let error = result.expect_err(expected);
            assert!(matches!(error, Error::TuningFile { .. }), "{error}");
            let told = error.to_string();
            assert!(told.contains(expected) && told.contains(&path.display().to_string()), "{told}");
        }
        assert_eq!(std::fs::read(&path).expect("there"), bytes, "left as it was");
    }
    std::fs::remove_file(&path).expect("there");
    let nowhere = std::env::temp_dir().join("gpu-loss-no-such-folder").join("tuning.txt");
    let told = gpu.save_tuning(&nowhere).expect_err("no folder").to_string();
    assert!(told.contains("cannot be written"), "{told}");
}

#[test]
fn a_file_that_many_write_at_once_stays_whole() {
    let path = path("many");
    let gpu = measuring().remove(0);
    gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(60, 1000), Dtype::F32)).expect("a plan");
    gpu.save_tuning(&path).expect("saved");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    gpu.save_tuning(&path).expect("saved");
                    assert_eq!(gpu.load_tuning(&path).expect("whole").choices, 1);
                }
            });
        }
    });
    std::fs::remove_file(&path).expect("there");
}

/// A symbolic link was replaced by a file, and what it pointed to stayed as it was.
///
/// Meant to fail (not seen yet): with the new file put in the link's place.
#[test]
#[cfg(unix)]
fn a_symbolic_link_is_followed() {
    let folder = path("links");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("real")).expect("a folder");
    let (link, other, file) = (folder.join("link"), folder.join("other"), folder.join("real/tuning.txt"));
    // Relative, through another link, and at first to a file that is not there yet.
    std::os::unix::fs::symlink("other", &link).expect("a link");
    std::os::unix::fs::symlink("real/tuning.txt", &other).expect("a link");
    let gpu = &measuring()[0];
    for _ in 0..2 {
        gpu.save_tuning(&link).expect("saved");
        let is_link = |path: &PathBuf| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        assert!(is_link(&link) && is_link(&other) && !is_link(&file), "links stay links");
        assert!(std::fs::read_to_string(&file).expect("written").starts_with("gpu-loss tuning 1"));
    }
    gpu.load_tuning(&link).expect("read through the links");
    // Links in a circle lead nowhere.
    let circle = folder.join("circle");
    std::os::unix::fs::symlink("circle", &circle).expect("a link");
    gpu.save_tuning(&circle).expect_err("nowhere");
}
