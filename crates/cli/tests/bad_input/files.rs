//! Inputs that are not what their names say.

use crate::check::{Case, case, check, frugal, good};
use crate::common::{npy, npz_of, run, safetensors};

#[test]
fn inputs_that_are_no_such_file() {
    let cut = |mut file: Vec<u8>, share: usize| {
        file.truncate(file.len() * share / 10);
        file
    };
    let text = || b"logits,targets\n0.5,1\n".to_vec();
    let header = r#"{"logits":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"targets":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
    let softmax = "--loss softmax-ce";
    check(&[
        Case { file: "none.npz", content: None, args: softmax, words: vec!["none.npz: no such file"] },
        Case { file: ".", content: None, args: softmax, words: vec!["expected .safetensors or .npz"] },
        case("a.npz", Vec::new(), softmax, &["a.npz: is empty"]),
        case("a.safetensors", Vec::new(), softmax, &["a.safetensors: is empty"]),
        case("a.npz", text(), softmax, &["a.npz: is no .npz file"]),
        case("a.safetensors", text(), softmax, &["a.safetensors", "no .safetensors file"]),
        case("a.csv", text(), softmax, &["a.csv: unknown extension .csv", ".safetensors or .npz"]),
        case("a.npz", cut(good(), 5), softmax, &["a.npz", "damaged"]),
        case("a.npz", cut(good(), 9), softmax, &["a.npz", "damaged"]),
        case("a.safetensors", cut(safetensors(header, &[0; 16]), 9), softmax, &["a.safetensors", "truncated"]),
        case("a.safetensors", cut(safetensors(header, &[0; 16]), 5), softmax, &["a.safetensors", "truncated"]),
    ]);
}

#[test]
fn files_of_another_format() {
    let softmax = "--loss softmax-ce";
    let tensors = || safetensors(r#"{"logits":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#, &[0; 8]);
    let image = || b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec();
    check(&[
        case("a.npz", tensors(), softmax, &["a.npz: is no .npz file"]),
        case("a.safetensors", good(), softmax, &["a.safetensors: is truncated or no .safetensors file"]),
        case("a.npz", npy("'<f4'", "False", "(1, 2)", &[0; 8]), softmax, &["a.npz: is no .npz file"]),
        case("a.npz", image(), softmax, &["a.npz: is no .npz file"]),
        case("a.safetensors", image(), softmax, &["no .safetensors file"]),
        case("a.npz", b"PK".to_vec(), softmax, &["a.npz: is no .npz file"]),
        case("a.pt", good(), softmax, &["a.pt: unknown extension .pt"]),
        case("a", good(), softmax, &["a: no extension"]),
    ]);
}

#[cfg(unix)]
#[test]
fn names_that_lead_to_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("d.npz")).expect("writable");
    std::os::unix::fs::symlink(at("loop.npz"), at("loop.npz")).expect("writable");
    std::os::unix::fs::symlink(at("gone.npz"), at("dangling.npz")).expect("writable");
    std::os::unix::fs::symlink("/dev/zero", at("zero.safetensors")).expect("writable");
    let made = std::process::Command::new("mkfifo").arg(at("pipe.npz")).status().expect("mkfifo is there");
    assert!(made.success());
    for (name, words) in [
        ("d.npz", "is a directory"),
        ("loop.npz", "too many levels of symbolic links"),
        ("dangling.npz", "no such file"),
        ("zero.safetensors", "is not a regular file"),
        ("pipe.npz", "is not a regular file"),
    ] {
        let ended = frugal(directory.path(), &format!("run {name} --loss softmax-ce"));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}: {}", ended.stderr);
        assert!(ended.stderr.starts_with(&format!("gpu-loss: {name}: {words}")), "{}", ended.stderr);
    }
}

/// Big-endian and Fortran order are NumPy's own; what they hold counts, not how.
#[test]
fn byte_and_index_order_do_not_matter() {
    let values: [f32; 6] = [0.1, 0.2, 0.3, -1.0, 2.0, 4.0];
    let little = |order: [usize; 6]| order.iter().flat_map(|at| values[*at].to_le_bytes()).collect::<Vec<u8>>();
    let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    let labels = || ("targets", npy("'>i4'", "False", "(2,)", &[0, 0, 0, 2, 0, 0, 0, 1]));
    let directory = tempfile::tempdir().expect("a directory");
    let loss = |logits: Vec<u8>| {
        std::fs::write(directory.path().join("a.npz"), npz_of(&[("logits", logits), labels()])).expect("writable");
        let ended = run(directory.path(), "run a.npz --loss softmax-ce");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().next().expect("a loss").to_string()
    };
    let plain = loss(npy("'<f4'", "False", "(2, 3)", &little([0, 1, 2, 3, 4, 5])));
    assert_eq!(loss(npy("'<f4'", "True", "(2, 3)", &little([0, 3, 1, 4, 2, 5]))), plain);
    assert_eq!(loss(npy("'>f4'", "False", "(2, 3)", &big)), plain);
}
