//! Exit codes, and what goes to which stream.

mod common;

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use common::{Ended, ended, floats, longs, npz, program, run};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// One line that holds all these words.
fn one_line(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "no '{word}' in: {}", ended.stderr);
    }
}

#[test]
fn help_and_version_go_to_standard_output_and_exit_0() {
    for args in
        ["--help", "-h", "--version", "run --help", "verify --help", "adapters --help", "bench --help", "help run"]
    {
        let ended = run(Path::new(HERE), args);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args}");
        assert!(ended.stdout.contains("gpu-loss"), "{args}: {}", ended.stdout);
    }
    assert!(run(Path::new(HERE), "--version").stdout.contains(env!("CARGO_PKG_VERSION")));
    let help = run(Path::new(HERE), "--help").stdout;
    assert!(help.contains("Exit codes: 0 done, 1 a check failed, 2 bad input or usage, 3 no adapter"), "{help}");
    assert!(run(Path::new(HERE), "run --help").stdout.contains("--json prints"));
}

#[test]
fn usage_errors_exit_2() {
    assert_eq!(run(Path::new(HERE), "").code, Some(2));
    for (args, words) in [
        ("compute", &["'compute'"][..]),
        ("run", &["INPUT", "--loss"]),
        ("run x.npz", &["--loss"]),
        ("run x.npz --loss softmax-ce --backend cuda", &["cuda", "vulkan", "gl"]),
        ("run x.npz --loss softmax-ce --strategy cubic", &["cubic", "thread-row"]),
        ("run x.npz --loss softmax-ce --ignore-index 1.5", &["1.5", "--ignore-index"]),
        ("run x.npz --loss softmax-ce --softcap", &["--softcap"]),
        ("verify --quik", &["--quik", "--quick"]),
    ] {
        let ended = run(Path::new(HERE), args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args}");
        one_line(&ended, words);
    }
}

#[test]
fn without_an_adapter_the_exit_code_is_3_with_advice() {
    let mut command = program();
    command.args(["--backend", "vulkan", "adapters"]);
    for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        command.env(variable, "/nonexistent");
    }
    if cfg!(target_os = "linux") {
        let ended = ended(&mut command);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        one_line(&ended, &["no GPU adapter found (on vulkan)", "install", "mesa-vulkan-drivers"]);
    }
    // Everything else is in order: the adapter alone is missing.
    let directory = tempfile::tempdir().expect("a directory");
    let input = npz(&[floats("logits", &[1, 2], &[0.0; 2]), longs("targets", &[1], &[1])]);
    std::fs::write(directory.path().join("in.npz"), input).expect("writable");
    let there = run(directory.path(), "adapters").stdout;
    let first = there.split(" [").next().expect("a name");
    for args in ["adapters", "verify --quick", "run in.npz --loss softmax-ce --output out.npz"] {
        let ended = run(directory.path(), &format!("--adapter nosuch {args}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{args}: {}", ended.stderr);
        one_line(&ended, &["named like \"nosuch\"", "there are", first]);
        assert!(!directory.path().join("out.npz").exists());
    }
}

#[test]
fn adapters_are_listed_as_text_and_as_json() {
    for backend in common::backends() {
        let text = run(Path::new(HERE), &format!("adapters --backend {backend}"));
        assert!(text.stdout.contains(&format!("[{backend}], driver ")), "{}", text.stdout);
        let json = run(Path::new(HERE), &format!("adapters --json --backend {backend}"));
        let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        let adapters = document.as_array().expect("an array");
        assert_eq!(adapters.len(), text.stdout.matches("  subgroups ").count());
        for adapter in adapters {
            assert_eq!(adapter["backend"], backend);
            assert!(text.stdout.contains(adapter["adapter"].as_str().expect("a name")));
            assert!(adapter["max_binding_bytes"].as_u64().expect("a number") >= 128 << 20);
        }
    }
}

#[test]
fn run_reports_the_same_as_text_and_as_json() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let logits = floats("logits", &[2, 3], &[0.0, 1.0, 2.0, f32::NAN, 0.0, 0.0]);
    std::fs::write(at("nan.npz"), npz(&[logits, longs("targets", &[2], &[1, 0])])).expect("writable");
    let logits = floats("logits", &[1, 2], &[3.0, 3.0]);
    std::fs::write(at("in.npz"), npz(&[logits, longs("targets", &[1], &[1])])).expect("writable");
    let text = run(directory.path(), "run in.npz --loss softmax-ce --reduction=sum");
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    for words in ["loss      0.69314", "1 rows, 2 classes, f32", "strategy ", "time ", "adapter ", "check     ok"] {
        assert!(text.stdout.contains(words), "no '{words}' in: {}", text.stdout);
    }
    let json = run(directory.path(), "run in.npz --loss softmax-ce --reduction=sum --json --output out.npz");
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let value = report["value"].as_f64().expect("a number");
    assert!((value - 2.0_f64.ln()).abs() < 1e-5, "{value}");
    assert_eq!((&report["loss"], &report["reduction"]), (&"softmax-ce".into(), &"sum".into()));
    assert_eq!((&report["rows"], &report["shape"][1], &report["check"]["kept"]), (&1.into(), &2.into(), &true.into()));
    assert_eq!(report["output"], "out.npz");
    assert!(at("out.npz").exists());
    let nan = run(directory.path(), "run nan.npz --loss softmax-ce --json");
    let report: serde_json::Value = serde_json::from_str(&nan.stdout).expect("JSON");
    assert_eq!((nan.code, &report["value"]), (Some(0), &"NaN".into()));
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    for args in [&["adapters"][..], &["run", "--help"], &["adapters", "--json"]] {
        let mut child = program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut errors).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{args:?}");
        assert_eq!(errors, "", "{args:?}");
    }
}

/// Some compilation for each of about 150 cases: the longest test of the program.
#[test]
fn verify_quick_covers_every_loss_and_keeps_the_promise() {
    let backend = common::backends()[0];
    let ended = run(Path::new(HERE), &format!("--backend {backend} verify --quick --json"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(document["failed"], 0);
    let rows = document["adapters"][0]["rows"].as_array().expect("rows");
    // Five losses take four forms of target, softmax_focal, poly_1 and linear_ce one; each in three types.
    assert_eq!(rows.len(), 69);
    let runs: u64 = rows.iter().map(|row| row["combinations"].as_u64().expect("a count")).sum();
    let adapters = document["adapters"].as_array().expect("adapters").len() as u64;
    assert!(document["combinations"].as_u64() == Some(runs * adapters) && runs >= 100, "{runs}");
    for row in rows {
        assert!(row["grad_share"].as_f64().expect("a number") <= 1.0, "{row}");
    }
}
