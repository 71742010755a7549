//! How the program behaves towards people and pipes.

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use common::{ended, floats, longs, npz, program, run};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The program with a file on its standard input.
fn piped(bytes: &[u8], args: &str) -> (Option<i32>, String, String) {
    let mut child = program()
        .args(args.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may refuse the input before it has read all of it.
    let _ = child.stdin.take().expect("piped").write_all(bytes);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn standard_input_is_read_in_both_formats() {
    let archive = npz(&[floats("logits", &[1, 2], &[3.0, 3.0]), longs("targets", &[1], &[1])]);
    let header = r#"{"logits":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"targets":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
    let data: Vec<u8> = [3.0_f32, 3.0].iter().flat_map(|v| v.to_le_bytes()).chain(1_i64.to_le_bytes()).collect();
    for bytes in [archive, common::safetensors(header, &data)] {
        let (code, stdout, stderr) = piped(&bytes, "run - --loss softmax-ce --json");
        assert_eq!(code, Some(0), "{stderr}");
        let report: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        assert!((report["value"].as_f64().expect("a number") - 2.0_f64.ln()).abs() < 1e-5, "{stdout}");
    }
}

#[test]
fn what_is_wrong_with_standard_input_is_told_by_that_name() {
    let bad_label = npz(&[floats("logits", &[1, 2], &[3.0, 3.0]), longs("targets", &[1], &[7])]);
    let cut = &bad_label[..bad_label.len() / 2];
    for (bytes, words) in [
        (&b""[..], "standard input: is empty"),
        (&b"1,2,3\n"[..], "standard input: begins neither as .safetensors nor as .npz"),
        (&bad_label[..], "standard input: row 0: class 7 is outside 0..2"),
        (cut, "standard input: "),
    ] {
        let (code, stdout, stderr) = piped(bytes, "run - --loss softmax-ce");
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains(words) && !stderr.contains("gpu-loss-"), "no '{words}' in: {stderr}");
    }
}

#[test]
fn colour_is_for_terminals_and_not_for_those_who_asked_for_none() {
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = program();
        for variable in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(variable);
        }
        command.envs(variables.iter().copied()).args(["run", "nosuch.npz", "--loss", "softmax-ce"]);
        ended(&mut command).stderr.contains('\u{1b}')
    };
    assert!(!coloured(&[]), "a pipe");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]), "as on a terminal");
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn help_fits_a_narrow_terminal() {
    let mut command = program();
    command.env("COLUMNS", "50").args(["run", "--help"]);
    let help = ended(&mut command).stdout;
    let options = help.split("INPUT holds").next().expect("a part");
    // The usage is one line, whatever its width.
    let lines = options.lines().filter(|line| !line.starts_with("Usage:"));
    let widest = lines.map(|line| line.chars().count()).max();
    assert!(widest <= Some(50), "{widest:?}: {options}");
}

#[test]
fn every_command_has_examples_a_page_and_completions() {
    let directory = tempfile::tempdir().expect("a directory");
    let ended = run(directory.path(), "man --out pages");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let script = run(directory.path(), "completions bash").stdout;
    for command in ["run", "adapters", "verify", "bench", "shaders", "completions", "man"] {
        let help = run(Path::new(HERE), &format!("{command} --help")).stdout;
        assert!(help.contains(&format!("gpu-loss {command}")), "{command}: {help}");
        assert!(help.contains("Examples:") || help.contains("From PyTorch:"), "{command}: {help}");
        let page = directory.path().join(format!("pages/gpu-loss-{command}.1"));
        let page = std::fs::read_to_string(page).expect("a page");
        assert!(page.starts_with(".ie") && page.contains(".SH NAME"), "{command}: {page}");
        assert!(script.contains(&format!("gpu__loss,{command})")), "{command}");
    }
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(run(directory.path(), &format!("completions {shell}")).stdout.contains("label-smoothing"), "{shell}");
    }
    assert!(run(directory.path(), "man").stdout.contains("gpu\\-loss"));
}
