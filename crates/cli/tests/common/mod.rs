//! What the tests share: the program as a user runs it, and files made byte by byte.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    /// Drivers say nothing either.
    pub stderr: String,
}

/// The program, deaf to the environment's choice of adapters and strategies.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-loss"));
    for variable in ["WGPU_BACKEND", "WGPU_ADAPTER_NAME", "GPU_LOSS_STRATEGY", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end.
pub fn ended(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs the program with arguments as a shell would split them.
pub fn run(directory: &Path, args: &str) -> Ended {
    ended(program().current_dir(directory).args(args.split_whitespace()))
}

/// Says that a test finds nothing to test here; `cargo xtask test` counts it among those that were skipped.
pub fn skip(test: &str, reason: &str) {
    use std::io::Write as _;
    println!("skipped {test}: {reason}");
    if let Some(path) = std::env::var_os("GPU_LOSS_SKIPS") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{test}: {reason}")).expect("the file of skipped tests");
    }
}

/// The backends that have an adapter here. Without one the tests fail: skipping would look like passing.
pub fn backends() -> Vec<&'static str> {
    let has = |backend: &&str| run(Path::new("."), &format!("--backend {backend} adapters")).code == Some(0);
    let found: Vec<&str> = ["vulkan", "metal", "dx12", "gl"].into_iter().filter(has).collect();
    assert!(!found.is_empty(), "no GPU adapter found: `cargo xtask test` installs a software one, and runs the tests");
    found
}

/// The folder of the library's test vectors.
pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

/// A `.safetensors` file with this header.
pub fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// A tensor to store: its name, NumPy's type, shape, and bytes.
pub struct Array {
    pub name: &'static str,
    pub descr: &'static str,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

pub fn floats(name: &'static str, shape: &[usize], values: &[f32]) -> Array {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Array { name, descr: "<f4", shape: shape.to_vec(), bytes }
}

pub fn doubles(name: &'static str, shape: &[usize], values: &[f64]) -> Array {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Array { name, descr: "<f8", shape: shape.to_vec(), bytes }
}

pub fn longs(name: &'static str, shape: &[usize], values: &[i64]) -> Array {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Array { name, descr: "<i8", shape: shape.to_vec(), bytes }
}

pub fn bytes(name: &'static str, shape: &[usize], values: &[u8]) -> Array {
    Array { name, descr: "|u1", shape: shape.to_vec(), bytes: values.to_vec() }
}

/// A `.npy` array with these words in its header.
pub fn npy(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// An `.npz` of such arrays.
pub fn npz_of(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(format!("{name}.npy"), options).expect("a new entry");
        writer.write_all(array).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// An `.npz` as `numpy.savez` makes it.
pub fn npz(arrays: &[Array]) -> Vec<u8> {
    let entry = |array: &Array| {
        let axes: String = array.shape.iter().map(|n| format!("{n}, ")).collect();
        (array.name, npy(&format!("'{}'", array.descr), "False", &format!("({})", axes.trim_end()), &array.bytes))
    };
    npz_of(&arrays.iter().map(entry).collect::<Vec<_>>())
}
