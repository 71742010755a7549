//! `run --loss linear-ce`: PyTorch's vectors through the program, on every adapter, and what is refused.

mod common;

use std::path::{Path, PathBuf};

use common::{floats, longs, npz, run};
use safetensors::SafeTensors;

fn vectors() -> Vec<PathBuf> {
    let names = ["linear_6x8x11", "linear_17x12x40"];
    names.map(|name| common::vectors().join("linear").join(format!("{name}.safetensors"))).to_vec()
}

/// A tensor's numbers, of f32 or f64.
fn numbers(file: &SafeTensors<'_>, name: &str) -> Option<Vec<f64>> {
    let view = file.tensor(name).ok()?;
    Some(match view.dtype() {
        safetensors::Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        _ => view.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
    })
}

fn check(output: &Path, expected: &Path) {
    let (got, want) = (std::fs::read(output).expect("written"), std::fs::read(expected).expect("a vector"));
    let got = SafeTensors::deserialize(&got).expect("safetensors");
    let want = SafeTensors::deserialize(&want).expect("safetensors");
    for name in ["loss", "grad_hidden", "grad_weight", "grad_bias"] {
        let Some(expected) = numbers(&want, name) else { continue };
        let bounds = numbers(&want, &format!("{name}__atol")).expect("bounds");
        let got = numbers(&got, name).unwrap_or_else(|| panic!("no '{name}'"));
        assert_eq!(got.len(), expected.len(), "{name}");
        for (at, ((got, want), bound)) in got.iter().zip(&expected).zip(&bounds).enumerate() {
            assert!((got - want).abs() <= *bound, "{name} at {at} is {got}, expected {want} ± {bound}");
        }
    }
}

#[test]
fn vectors_of_pytorch_go_through_the_program() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("out.safetensors");
    for backend in common::backends() {
        for input in vectors() {
            let smoothing = if input.to_string_lossy().contains("17x12x40") { "0.1" } else { "0" };
            let mut command = common::program();
            command.args(["--backend", backend, "run"]).arg(&input).args(["--loss", "linear-ce", "--memory-mib", "1"]);
            command.args(["--label-smoothing", smoothing, "--outputs", "argmax,correct", "--output"]).arg(&output);
            let ended = common::ended(&mut command);
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            check(&output, &input.with_extension("expected.safetensors"));
        }
    }
}

#[test]
fn what_has_no_meaning_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let hidden = || floats("hidden", &[2, 3], &[0.5; 6]);
    let weight = || floats("weight", &[4, 3], &[0.25; 12]);
    let labels = || longs("targets", &[2], &[1, 3]);
    let write = |name: &str, arrays: &[common::Array]| {
        std::fs::write(directory.path().join(name), npz(arrays)).expect("writable");
    };
    write("whole.npz", &[hidden(), weight(), labels()]);
    write("narrow.npz", &[hidden(), floats("weight", &[4, 2], &[0.25; 8]), labels()]);
    write("none.npz", &[hidden(), labels()]);
    write("outside.npz", &[hidden(), weight(), longs("targets", &[2], &[1, 4])]);
    let biased = floats("class_bias", &[4], &[0.5; 4]);
    write("biased.npz", &[hidden(), weight(), labels(), biased]);
    write("masked.npz", &[hidden(), weight(), labels(), floats("mask", &[2], &[1.0; 2])]);
    write("upstream.npz", &[hidden(), weight(), labels(), floats("upstream", &[2], &[1.0; 2])]);
    for (arguments, said) in [
        ("run biased.npz --loss linear-ce", "'class_bias' does not apply to linear-ce: the layer's own is 'bias' [V]"),
        ("run masked.npz --loss linear-ce", "'mask' would count for nothing"),
        ("run upstream.npz --loss linear-ce", "'upstream' applies to --reduction none only"),
        ("run whole.npz --loss linear-ce --margin-cosine 0.2", "--margin-cosine does not apply to --loss linear-ce"),
        ("run whole.npz --loss linear-ce --entropy-coefficient 0.1", "--entropy-coefficient does not apply"),
        ("run whole.npz --loss linear-ce --outputs rank", "--outputs rank does not apply to --loss linear-ce"),
        ("run narrow.npz --loss linear-ce", "weight has shape [4, 2], expected [4, 3]"),
        ("run none.npz --loss linear-ce", "no tensor 'weight'"),
        ("run outside.npz --loss linear-ce", "row 1: class 4 is outside 0..4"),
        ("run whole.npz --loss linear-ce --memory-mib 0", "memory-mib"),
        ("run whole.npz --loss softmax-ce --memory-mib 4", "--memory-mib does not apply to --loss softmax-ce"),
        ("run whole.npz --loss linear-ce --gamma 2", "--gamma does not apply to --loss linear-ce"),
        ("run whole.npz --loss linear-ce --strategy thread-row", "--strategy does not apply"),
    ] {
        let ended = run(directory.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments}: {}", ended.stderr);
        assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{arguments}: {}", ended.stderr);
    }
}
