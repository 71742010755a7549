//! What is expected of every bad input.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Array, Ended, ended, floats, longs, npz, run};

/// An input, arguments after `run INPUT`, and words that the line must have.
pub(crate) struct Case {
    pub(crate) file: &'static str,
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) args: &'static str,
    pub(crate) words: Vec<&'static str>,
}

pub(crate) fn case(file: &'static str, content: Vec<u8>, args: &'static str, words: &[&'static str]) -> Case {
    Case { file, content: Some(content), args, words: words.to_vec() }
}

pub(crate) fn logits() -> Array {
    floats("logits", &[3, 4], &[0.5; 12])
}

pub(crate) fn labels() -> Array {
    longs("targets", &[3], &[0, 3, 1])
}

pub(crate) fn good() -> Vec<u8> {
    npz(&[logits(), labels()])
}

const OLD: &[u8] = b"an old output";

/// Runs the program in 200 MiB: of address space, so that memory that was taken and not touched counts as well.
pub(crate) fn frugal(directory: &Path, args: &str) -> Ended {
    if !cfg!(target_os = "linux") {
        return run(directory, args);
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v 204800 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_gpu-loss")]);
    ended(shell.args(args.split_whitespace()).current_dir(directory))
}

/// Runs the cases in a directory with an old output, and gathers what went wrong.
pub(crate) fn check(cases: &[Case]) {
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("out.npz");
    let mut faults = Vec::new();
    for Case { file, content, args, words } in cases {
        let input = directory.path().join(file);
        if let Some(content) = content {
            std::fs::write(&input, content).expect("writable");
        }
        std::fs::write(&output, OLD).expect("writable");
        let to = if args.contains("--output") { "" } else { "--output out.npz" };
        let args = format!("run {file} {args} {to}");
        let mut fault = |what: String| faults.push(format!("{args}: {what}"));
        // The quickest of three: other programs may be at work.
        let (mut quickest, mut ended) = (Duration::MAX, None::<Ended>);
        for _ in 0..3 {
            let start = Instant::now();
            ended = Some(frugal(directory.path(), &args));
            quickest = quickest.min(start.elapsed());
            if quickest < Duration::from_secs(1) {
                break;
            }
        }
        let ended = ended.expect("it ran");
        if quickest >= Duration::from_secs(1) {
            fault(format!("took {quickest:?}"));
        }
        if ended.code != Some(2) {
            fault(format!("exit code {:?}: {}{}", ended.code, ended.stdout, ended.stderr));
        }
        if ended.stderr.lines().count() != 1 || !ended.stdout.is_empty() {
            fault(format!("expected one line on standard error: {}{}", ended.stdout, ended.stderr));
        }
        for word in words.iter().filter(|word| !ended.stderr.contains(**word)) {
            fault(format!("no '{word}' in: {}", ended.stderr));
        }
        if std::fs::read(&output).expect("still there") != OLD {
            fault("the old output changed".into());
        }
        let left = std::fs::read_dir(directory.path()).expect("readable").flatten();
        for stray in left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".gpu-loss-")) {
            fault(format!("left {:?}", stray.path()));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
