//! The commands that README and docs show: each is run here, or is one that CI runs.

mod common;

use std::path::{Path, PathBuf};

use common::{floats, longs, run};

/// The commands that take minutes or an installation: `.ci/run` and the workflow have them.
const IN_CI: [&str; 17] = [
    "cargo xtask compilers",
    "cargo xtask dxc",
    "git clone",
    "cd crates/mpi && cargo build",
    "mpirun",
    "cargo xtask demo",
    "cargo xtask test",
    "cargo xtask dawn",
    "cargo xtask setup",
    "cargo run --release --example",
    "cargo install --path crates/cli",
    "cargo build --release",
    "gpu-loss verify",
    "gpu-loss bench",
    "gpu-loss --backend vulkan verify",
    "pip install torch safetensors",
    "python examples/python/compare.py",
];

/// The lines of ```sh blocks, without their comments.
fn commands(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).expect("readable");
    let mut shell = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            shell = line == "```sh";
        } else if shell {
            let command = line.split(" #").next().unwrap_or_default().trim();
            commands.extend((!command.is_empty()).then(|| command.to_owned()));
        }
    }
    commands
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let pages = ["README.md", "CONTRIBUTING.md"].map(|page| root.join(page)).into_iter().chain(docs);
    pages.filter(|page| page.extension().is_some_and(|e| e == "md")).collect()
}

#[test]
fn every_command_shown_is_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let arrays = [floats("logits", &[2, 3], &[2.0, 0.5, -1.0, 0.1, 0.2, 3.0]), longs("targets", &[2], &[0, 2])];
    std::fs::write(at("batch.npz"), common::npz(&arrays)).expect("writable");
    let header = r#"{"logits":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"targets":{"dtype":"I64","shape":[2],"data_offsets":[24,40]}}"#;
    let data: Vec<u8> = arrays.iter().flat_map(|array| array.bytes.clone()).collect();
    std::fs::write(at("batch.safetensors"), common::safetensors(header, &data)).expect("writable");
    let mut ran = 0;
    for page in pages() {
        for command in commands(&page) {
            if IN_CI.iter().any(|known| command.starts_with(known)) {
                continue;
            }
            let arguments = command.strip_prefix("gpu-loss ");
            let arguments = arguments.unwrap_or_else(|| panic!("{}: who runs '{command}'?", page.display()));
            let ended = run(directory.path(), arguments);
            assert_eq!(ended.code, Some(0), "{}: {command}: {}", page.display(), ended.stderr);
            ran += 1;
        }
    }
    assert!(ran >= 3, "{ran} commands");
}
