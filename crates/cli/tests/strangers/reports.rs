//! What is said of results, adapters and outputs.

use crate::common::{ended, floats, longs, npz, program, run};

/// A directory with `in.npz`: four rows, of which one is ignored by -100, and one has a NaN if asked for.
fn directory(nan: bool) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let mut scores = [0.0, 2.0, 1.0, 5.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0];
    if nan {
        scores[10] = f32::NAN;
    }
    let arrays = [floats("logits", &[4, 3], &scores), longs("targets", &[4], &[1, 2, -100, 2])];
    std::fs::write(directory.path().join("in.npz"), npz(&arrays)).expect("writable");
    directory
}

const RUN: &str = "run in.npz --loss softmax-ce --ignore-index -100";

#[test]
fn argmax_and_correct_rows_are_there_on_request() {
    let directory = directory(false);
    let ended = run(directory.path(), &format!("{RUN} --outputs argmax,correct --output=out.safetensors"));
    assert!(ended.stdout.contains("\ncorrect   2 of 4 rows\n"), "{}{}", ended.stdout, ended.stderr);
    let bytes = std::fs::read(directory.path().join("out.safetensors")).expect("written");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let argmax = file.tensor("argmax").expect("argmax");
    assert_eq!((argmax.dtype(), argmax.shape()), (safetensors::Dtype::U32, &[4][..]));
    assert_eq!(argmax.data(), [1, 0, u32::MAX, 2].map(u32::to_le_bytes).concat());
    let correct = file.tensor("correct").expect("correct");
    assert_eq!((correct.dtype(), correct.data()), (safetensors::Dtype::I64, &2_i64.to_le_bytes()[..]));
    for (args, words) in
        [("--loss bce --outputs argmax", "--outputs argmax"), ("--loss ce --outputs lse", "--outputs lse")]
    {
        let refused = run(directory.path(), &format!("run in.npz {args}"));
        assert_eq!(refused.code, Some(2));
        assert!(refused.stderr.contains(&format!("{words} does not apply to --loss")), "{}", refused.stderr);
    }
}

#[test]
fn a_loss_that_is_nan_says_how_many_rows_are() {
    let nan = directory(true);
    let text = run(nan.path(), RUN).stdout;
    assert!(text.contains("NaN in 1 of 4 rows, first in row 3") && !text.contains(" ok: "), "{text}");
    let json = run(nan.path(), &format!("{RUN} --json")).stdout;
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&report["nan_rows"], &report["value"]), (&1.into(), &"NaN".into()));
    assert!(report["first_call_ms"].is_number() && report["time_ms"].is_number(), "{json}");
    assert_eq!(report["tensors"], serde_json::json!(["logits", "targets"]));
}

/// A NaN that arrives was put down to a NaN score.
#[test]
fn a_gradient_that_is_nan_says_what_made_it_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, arrays: &[crate::common::Array]| {
        std::fs::write(directory.path().join(name), npz(arrays)).expect("writable");
    };
    let scores = || floats("logits", &[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let labels = || longs("targets", &[3], &[0, 1, 0]);
    write("up.npz", &[scores(), labels(), floats("upstream", &[3], &[1.0, f32::NAN, 1.0])]);
    write("entropy.npz", &[scores(), labels(), floats("entropy_upstream", &[3], &[1.0, 1.0, f32::NAN])]);
    let both = floats("logits", &[3, 2], &[0.0, f32::NAN, 2.0, 3.0, 4.0, 5.0]);
    write("both.npz", &[both, labels(), floats("upstream", &[3], &[1.0, f32::NAN, 1.0])]);
    let hot = crate::common::bytes("targets", &[3, 2], &[0, 1, 1, 0, 0, 1]);
    write("element.npz", &[scores(), hot, floats("upstream", &[3, 2], &[1.0, 1.0, f32::NAN, 1.0, 1.0, 1.0])]);
    let mask = floats("teacher", &[3, 2], &[0.0, 1.0, f32::NEG_INFINITY, 1.0, 0.0, 1.0]);
    write("mask.npz", &[scores(), mask]);
    for (args, words) in [
        ("up.npz --loss softmax-ce", "NaN in 1 of 3 rows, first in row 1 (an 'upstream' that is NaN or infinite),"),
        ("entropy.npz --loss softmax-ce", "first in row 2 (an 'entropy_upstream' that is NaN or infinite),"),
        (
            "both.npz --loss softmax-ce",
            "NaN in 2 of 3 rows, first in row 0 (a score that is NaN or +∞, or −∞ alone; an 'upstream' that is NaN or infinite),",
        ),
        (
            "element.npz --loss sigmoid-ce",
            "NaN in 1 of 3 rows, first in row 1 (an 'upstream' that is NaN or infinite),",
        ),
        ("mask.npz --loss distillation --divergence reverse-kl", "first in row 1 (a loss that is infinite),"),
    ] {
        let ended = run(directory.path(), &format!("run {args} --reduction none"));
        assert!(ended.code == Some(0) && ended.stdout.contains(words), "{args}: {}{}", ended.stdout, ended.stderr);
    }
}

/// 2e-3 comes out as 0, for f32 has no number for e⁻⁹⁵: never silently.
#[test]
fn a_loss_that_no_f32_tells_has_a_note() {
    let directory = tempfile::tempdir().expect("a directory");
    let arrays = [floats("logits", &[1, 2], &[95.0, 0.0]), longs("targets", &[1], &[0])];
    std::fs::write(directory.path().join("in.npz"), npz(&arrays)).expect("writable");
    let ended = run(directory.path(), "run in.npz --loss softmax-ce --denominator 1.2e-38");
    let words = "note      under options so far out, no f32 tells a loss closer than to 9.8e-1";
    assert!(ended.code == Some(0) && ended.stdout.contains(words), "{}{}", ended.stdout, ended.stderr);
    let ended = run(directory.path(), "run in.npz --loss softmax-ce --denominator 1.5");
    assert!(!ended.stdout.contains("note"), "{}", ended.stdout);
}

/// Sigmoid losses take a teacher's scores too, of another type than the student's, and labels or a teacher, not both.
#[test]
fn a_teacher_in_place_of_targets() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, arrays: &[crate::common::Array]| {
        std::fs::write(directory.path().join(name), npz(arrays)).expect("writable");
    };
    let scores = || floats("logits", &[1, 2], &[0.0, 2.0]);
    let halves = |values: [f32; 2]| crate::common::Array {
        name: "teacher",
        descr: "<f2",
        shape: vec![1, 2],
        bytes: values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect(),
    };
    let hot = || crate::common::bytes("targets", &[1, 2], &[0, 1]);
    write("in.npz", &[scores(), halves([0.0, 0.0])]);
    write("both.npz", &[scores(), halves([0.0, 0.0]), hot()]);
    write("labels.npz", &[scores(), hot()]);
    let ended =
        run(directory.path(), "run in.npz --loss sigmoid-ce --temperature 2 --times-temperature-squared --json");
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    // τ²·mean of log 2 and softplus(−1)/2 + softplus(1)/2.
    let due = 4.0 * (2.0_f64.ln() + (-1.0_f64).exp().ln_1p() + 0.5) / 2.0;
    assert!((report["value"].as_f64().expect("a number") / due - 1.0).abs() < 1e-5, "{} {due}", report["value"]);
    assert_eq!(report["targets"], "logits");
    for (args, words) in [
        ("both.npz --loss sigmoid-ce", "has both 'targets' (or lists of them) and 'teacher'"),
        ("labels.npz --loss sigmoid-ce --temperature 2", "a temperature with a teacher's scores as targets only"),
        ("in.npz --loss asymmetric", "'teacher' does not apply to asymmetric: it is for sigmoid-ce, sigmoid-focal"),
        ("labels.npz --loss distillation", "'targets' does not apply to distillation: it is for"),
    ] {
        let ended = run(directory.path(), &format!("run {args}"));
        assert!(ended.code == Some(2) && ended.stderr.contains(words), "{args}: {}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_mean_over_nothing_is_nan_or_0_as_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let arrays = [floats("logits", &[2, 2], &[0.0; 4]), longs("targets", &[2], &[-100; 2])];
    std::fs::write(directory.path().join("in.npz"), npz(&arrays)).expect("writable");
    let nan = run(directory.path(), RUN).stdout;
    assert!(nan.starts_with("loss      NaN") && nan.contains("--empty-mean zero"), "{nan}");
    let zero = run(directory.path(), &format!("{RUN} --empty-mean=zero")).stdout;
    assert!(zero.starts_with("loss      0.0\n") && zero.contains(" ok: "), "{zero}");
    let refused = run(directory.path(), &format!("{RUN} --empty-mean nan --reduction sum"));
    assert!(refused.code == Some(2) && refused.stderr.contains("--empty-mean does not apply"), "{}", refused.stderr);
}

#[test]
fn both_times_are_told_and_the_adapter_that_is_taken() {
    let directory = directory(false);
    let text = run(directory.path(), RUN).stdout;
    assert!(
        text.contains("time      first call ") && text.contains(" (kernels built and tested once), then "),
        "{text}"
    );
    let adapters = run(directory.path(), "adapters").stdout;
    assert_eq!(adapters.matches("run takes this one").count(), 1, "{adapters}");
    assert!(adapters.lines().next().is_some_and(|line| line.ends_with("run takes this one")), "{adapters}");
}

#[test]
fn a_backend_in_the_environment_may_be_empty_and_is_named_if_unknown() {
    let with = |value: &str| ended(program().env("WGPU_BACKEND", value).arg("adapters"));
    assert_eq!(with("").stdout, ended(program().arg("adapters")).stdout);
    let unknown = with("vulkan,cuda");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("WGPU_BACKEND names 'cuda': expected vulkan"), "{}", unknown.stderr);
}

/// A limit on the sizes of files is a disk that is full, as far as a program can tell that catches the signal.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_name_that_is_too_long_are_told_in_our_words() {
    let directory = directory(false);
    for name in ["out.npz", "out.safetensors"] {
        let mut shell = std::process::Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f 0; exec \"$0\" {RUN} -o {name}");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_gpu-loss")]).current_dir(directory.path());
        let ended = ended(&mut shell);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(ended.stderr, format!("gpu-loss: {name}: cannot be written: file too large\n"));
    }
    let long = format!("{}.npz", "n".repeat(252));
    // Before anything is computed: no adapter is even looked for.
    let ended = run(directory.path(), &format!("--adapter nosuch {RUN} -o {long}"));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.ends_with("cannot be written: file name too long\n"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(&directory).expect("readable").count(), 1);
}
