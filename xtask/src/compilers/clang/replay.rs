//! The test vectors, through kernels that clang made with fast maths: whole programs run, with subgroups and barriers, as
//! `xtask/data/metal/lanes.cpp` emulates them, and what they leave is held against PyTorch's results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::call::Call;
use super::{ARGUMENTS, library};
use crate::Result;
use crate::compilers::translate::to_msl;
use crate::compilers::{listed, on_every_core};
use crate::terminal::say;

/// Lanes of Apple's subgroups; and what kernels are told of them: Metal says that they have 4 to 64.
const LANES: &str = "32";
const PROFILE: &str = "apple:4-64";
/// What is compared.
const OUTPUTS: [&str; 4] = ["loss", "losses", "lse", "grad"];

/// `manifest.json`, as far as it is of programs.
#[derive(Deserialize)]
struct Manifest {
    programs: Vec<Program>,
}

#[derive(Deserialize)]
struct Program {
    strategy: String,
    buffers: Vec<Buffer>,
    dispatches: Vec<Dispatch>,
}

#[derive(Deserialize)]
struct Buffer {
    name: String,
    size: u64,
    file: Option<String>,
}

#[derive(Deserialize)]
struct Dispatch {
    kernel: usize,
    workgroups: [u32; 2],
    bindings: Vec<Bound>,
}

#[derive(Deserialize)]
struct Bound {
    binding: u32,
    buffer: String,
    offset: u64,
    size: Option<u64>,
}

/// Replays one vector in so many; what is wrong.
pub(in crate::compilers) fn vectors(clang: &Path, program: &Path, folder: &Path, one_in: usize) -> Result<Vec<String>> {
    let began = Instant::now();
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let object = folder.join("lanes.o");
    let mut compile = Command::new(clang);
    compile
        .args(["-std=c++17", "-O2", "-c", "-I"])
        .arg(library())
        .arg(library().join("lanes.cpp"))
        .arg("-o")
        .arg(&object);
    succeeded(&mut compile)?;
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let mut inputs: Vec<PathBuf> = std::fs::read_dir(&data)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| {
            path.extension().is_some_and(|e| e == "safetensors") && !path.with_extension("").ends_with_expected()
        })
        .collect();
    inputs.sort();
    let inputs: Vec<PathBuf> = inputs.into_iter().step_by(one_in).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let programs = AtomicUsize::new(0);
    on_every_core(|| {
        loop {
            let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) else { return Ok(()) };
            let name = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let one = Vector { clang, program, object: &object, input, folder: folder.join(&name) };
            let differences = one.replay().map_err(|error| format!("{name}: {error}"))?;
            programs.fetch_add(differences.len(), Ordering::Relaxed);
            let differences = differences.into_iter().flatten().map(|words| format!("clang: {name}: {words}"));
            wrong.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(differences);
        }
    })?;
    let wrong = wrong.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    say(&format!(
        "clang with fast maths: {} test vectors run as {} programs, {} wrong; {:.0} s",
        inputs.len(),
        programs.into_inner(),
        wrong.len(),
        began.elapsed().as_secs_f64()
    ));
    Ok(wrong)
}

/// Whether a path is that of results.
trait EndsWithExpected {
    fn ends_with_expected(&self) -> bool;
}

impl EndsWithExpected for PathBuf {
    fn ends_with_expected(&self) -> bool {
        self.extension().is_some_and(|ending| ending == "expected")
    }
}

fn succeeded(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// A vector that is replayed.
struct Vector<'a> {
    clang: &'a Path,
    program: &'a Path,
    object: &'a Path,
    input: &'a Path,
    folder: PathBuf,
}

impl Vector<'_> {
    /// For each of its programs what is wrong with it, if anything.
    fn replay(&self) -> Result<Vec<Option<String>>> {
        let file = std::fs::read(self.input)?;
        let (_, metadata) = SafeTensors::read_metadata(&file)?;
        let options =
            metadata.metadata().as_ref().and_then(|words| words.get("options")).ok_or("a vector has options")?;
        let options: BTreeMap<String, serde_json::Value> = serde_json::from_str(options)?;
        let mut export = Command::new(self.program);
        export.env("GPU_LOSS_PROFILE", PROFILE).env("WGPU_BACKEND", "vulkan");
        export.arg("shaders").arg(self.input).arg("--out").arg(&self.folder);
        for (name, value) in &options {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            export.arg(format!("--{}={value}", name.replace('_', "-")));
        }
        succeeded(&mut export)?;
        let executable = self.built()?;
        let manifest: Manifest = serde_json::from_slice(&std::fs::read(self.folder.join("manifest.json"))?)?;
        let expected = std::fs::read(self.input.with_extension("expected.safetensors"))?;
        let expected = SafeTensors::deserialize(&expected)?;
        let dtype = dtype_of(&SafeTensors::deserialize(&file)?);
        manifest
            .programs
            .iter()
            .map(|program| {
                let list = self.folder.join(&program.strategy);
                std::fs::write(&list, self.list(program)?)?;
                let mut run = Command::new(&executable);
                if let Err(error) = succeeded(run.arg(&list).arg(LANES).args(OUTPUTS)) {
                    return Ok(Some(format!("{}: {error}", program.strategy)));
                }
                let difference = difference(&list, &expected, dtype)?;
                Ok(difference.map(|words| format!("{}: {words}", program.strategy)))
            })
            .collect()
    }

    /// The kernels, compiled, and what runs them.
    fn built(&self) -> Result<PathBuf> {
        let kernels = listed("apple", &self.folder)?;
        let mut text = "#include <metal_stdlib>\n".to_owned();
        let mut table = String::new();
        for (number, kernel) in kernels.iter().enumerate() {
            let msl = to_msl(kernel)?;
            let call = Call::of(&msl).map_err(|error| format!("{}: {error}", kernel.name))?;
            let name = format!("{number}.metal");
            std::fs::write(self.folder.join(&name), &msl.text)?;
            let _ = writeln!(text, "namespace kernel_{number} {{\n#include \"{name}\"\n{}\n}}", call.function);
            let _ = writeln!(table, "    {{kernel_{number}::run, {}, kernel_{number}::SHARED}},", call.numbers);
        }
        let _ = write!(text, "const lanes::Kernel lanes::kernels[] = {{\n{table}}};\n");
        let source = self.folder.join("kernels.cpp");
        std::fs::write(&source, text)?;
        let object = source.with_extension("o");
        let mut compile = Command::new(self.clang);
        compile.args(ARGUMENTS).args(["-O1", "-c", "-I"]).arg(library()).arg(&source).arg("-o").arg(&object);
        succeeded(&mut compile)?;
        // Linked without fast maths, which would change the processor's.
        let executable = self.folder.join("run");
        succeeded(Command::new(self.clang).arg(&object).arg(self.object).arg("-o").arg(&executable))?;
        Ok(executable)
    }

    /// A program in the words of `lanes.cpp`.
    fn list(&self, program: &Program) -> Result<String> {
        let mut text = format!("{}\n", program.buffers.len());
        for Buffer { name, size, file } in &program.buffers {
            let file = file.as_ref().map_or_else(|| "-".into(), |file| self.folder.join(file).display().to_string());
            let _ = writeln!(text, "{name} {size} {file}");
        }
        let _ = writeln!(text, "{}", program.dispatches.len());
        for Dispatch { kernel, workgroups: [x, y], bindings } in &program.dispatches {
            let _ = write!(text, "{kernel} {x} {y} {}", bindings.len());
            let mut bindings: Vec<&Bound> = bindings.iter().collect();
            bindings.sort_by_key(|bound| bound.binding);
            for Bound { buffer, offset, size, .. } in bindings {
                let at = program.buffers.iter().position(|one| one.name == *buffer).ok_or("a binding of no buffer")?;
                let size = size.unwrap_or(program.buffers[at].size - offset);
                let _ = write!(text, " {at} {offset} {size}");
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// The type of the scores.
fn dtype_of(input: &SafeTensors<'_>) -> Dtype {
    let scores = input.tensor("logits").or_else(|_| input.tensor("probabilities"));
    scores.map_or(Dtype::F32, |tensor| tensor.dtype())
}

/// The first element that is farther off than promised, in words.
fn difference(list: &Path, expected: &SafeTensors<'_>, dtype: Dtype) -> Result<Option<String>> {
    for (name, tensor) in expected.tensors() {
        // Unreduced, the loss is one an element or row.
        let buffer = if name == "loss" && !tensor.shape().is_empty() { "losses" } else { &name };
        if !OUTPUTS.contains(&buffer) {
            continue;
        }
        let path = PathBuf::from(format!("{}.{buffer}", list.display()));
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let got = numbers(if name == "grad" { dtype } else { Dtype::F32 }, &bytes);
        let want = wanted(&tensor);
        let (relative, floor) = match (name.as_str(), dtype) {
            ("grad", Dtype::F16) => (1e-3, 2f64.powi(-25)),
            ("grad", Dtype::BF16) => (4e-3, 0.0),
            ("grad", _) => (2e-5, 0.0),
            _ => (1e-5, 2e-6),
        };
        // PyTorch takes p_y − 1 in float64: in confident rows its own digits end there.
        let largest = want.iter().filter(|value| value.is_finite()).fold(0.0_f64, |most, value| most.max(value.abs()));
        let floor = floor + if name == "grad" { 1e-6 * largest + 1e-14 } else { 0.0 };
        if got.len() < want.len() {
            return Ok(Some(format!("{name} has {} elements, expected {}", got.len(), want.len())));
        }
        for (at, (got, want)) in got.iter().zip(&want).enumerate() {
            let same = (got.is_nan() && want.is_nan()) || got == want;
            let within = (got - want).abs() <= relative * want.abs() + floor;
            if !same && !within {
                return Ok(Some(format!("{name} at {at} is {got}, expected {want}")));
            }
        }
    }
    Ok(None)
}

fn wanted(tensor: &TensorView<'_>) -> Vec<f64> {
    match tensor.dtype() {
        Dtype::F64 => {
            let (words, _) = tensor.data().as_chunks::<8>();
            words.iter().map(|word| f64::from_le_bytes(*word)).collect()
        }
        dtype => numbers(dtype, tensor.data()),
    }
}

/// Numbers of 32 or 16 bits.
fn numbers(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    let halves = || bytes.as_chunks::<2>().0.iter().map(|half| u16::from_le_bytes(*half));
    match dtype {
        Dtype::BF16 => halves().map(|bits| f64::from(f32::from_bits(u32::from(bits) << 16))).collect(),
        Dtype::F16 => halves().map(widened).collect(),
        _ => bytes.as_chunks::<4>().0.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect(),
    }
}

/// An f16 by its bits.
fn widened(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::widened;

    #[test]
    fn halves_are_widened() {
        let [one, least, most, negative] = [0x3c00, 0x0001, 0x7bff, 0xc000].map(widened);
        assert_eq!((one, least, most, negative), (1.0, 2f64.powi(-24), 65504.0, -2.0));
        assert!(widened(0x7e00).is_nan() && widened(0xfc00) == f64::NEG_INFINITY);
    }
}
