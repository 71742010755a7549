//! Killed at any time, the program leaves the old output or the new one, whole, and next to it nothing half-written.
#![cfg(unix)]

mod common;

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{ended, program, safetensors};

/// Kills at moments spread over a run, …
const SPREAD: u32 = 20;
/// … and between the report and the replacing of the output.
const AT_THE_END: u32 = 6;

const OLD: &[u8] = b"an old output";

/// 2 MiB of scores, so that writing takes its time.
fn input(path: &Path) {
    const ROWS: usize = 2048;
    let header = format!(
        r#"{{"logits":{{"dtype":"F32","shape":[{ROWS},256],"data_offsets":[0,{}]}},"targets":{{"dtype":"U8","shape":[{ROWS}],"data_offsets":[{},{}]}}}}"#,
        ROWS * 1024,
        ROWS * 1024,
        ROWS * 1025
    );
    let scores = (0..ROWS * 256).flat_map(|at| ((at * 37 % 101) as f32 / 16.0).to_le_bytes());
    let labels = (0..ROWS).map(|row| (row % 256) as u8);
    let data: Vec<u8> = scores.chain(labels).collect();
    std::fs::write(path, safetensors(&header, &data)).expect("writable");
}

fn start(directory: &Path) -> Child {
    let mut command = program();
    command.args(["run", "in.safetensors", "--loss", "softmax-ce", "--output", "out.safetensors"]);
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

#[test]
fn an_output_is_old_or_new_and_never_half() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("out.safetensors");
    input(&directory.path().join("in.safetensors"));
    let clock = Instant::now();
    assert!(start(directory.path()).wait_with_output().expect("it ends").status.success());
    let mut whole = clock.elapsed();
    let new = std::fs::read(&output).expect("written");
    assert!(new.len() > 2 << 20);

    let (mut kept, mut replaced) = (0, 0);
    for kill in 0..SPREAD + AT_THE_END {
        std::fs::write(&output, OLD).expect("writable");
        let mut child = start(directory.path());
        if kill < SPREAD {
            // Where other programs are at work, runs differ: those that end before their time shorten the next ones'.
            let (clock, moment) = (Instant::now(), whole * (kill + 1) / SPREAD);
            while clock.elapsed() < moment {
                if child.try_wait().expect("a state").is_some() {
                    whole = whole.min(clock.elapsed());
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        } else {
            let mut report = child.stdout.take().expect("piped");
            report.read_exact(&mut [0]).expect("a report");
            std::thread::sleep(Duration::from_micros(50) * (kill - SPREAD));
        }
        child.kill().expect("killed");
        child.wait().expect("it ends");
        match std::fs::read(&output).expect("still there") {
            bytes if bytes == OLD => kept += 1,
            bytes if bytes == new => replaced += 1,
            bytes => panic!("kill {kill}: {} bytes, neither the old output nor the new one", bytes.len()),
        }
    }
    println!("{kept} outputs kept, {replaced} replaced");
    assert!(kept > 0, "no kill came before the end");
    // Where files are made without a name, what a kill leaves is at most a complete one that was about to be renamed.
    let entries = std::fs::read_dir(&directory).expect("readable").map(|entry| entry.expect("an entry").path());
    for path in entries.filter(|path| path.extension().is_none_or(|extension| extension != "safetensors")) {
        let left = std::fs::read(&path).expect("readable");
        assert!(!cfg!(target_os = "linux") || left == new, "{} has {} bytes", path.display(), left.len());
    }
}

/// A disk that is full, as far as this program can tell: the system ends it in the middle of writing.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_does_not_fit_leaves_the_old_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("out.safetensors");
    input(&directory.path().join("in.safetensors"));
    std::fs::write(&output, OLD).expect("writable");
    let mut shell = std::process::Command::new("sh");
    let run = "ulimit -f 1024; exec \"$0\" run in.safetensors --loss softmax-ce --output out.safetensors";
    let ended = ended(shell.args(["-c", run, env!("CARGO_BIN_EXE_gpu-loss")]).current_dir(directory.path()));
    assert_ne!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(std::fs::read(&output).expect("still there"), OLD);
    assert_eq!(std::fs::read_dir(&directory).expect("readable").count(), 2);
}
