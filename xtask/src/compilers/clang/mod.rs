//! clang in place of Apple's compiler, which is built on the same LLVM: naga's MSL is C++ but for the attributes and Metal's
//! standard library, of which `xtask/data/metal` has as much as the kernels use.

mod call;
mod replay;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub(super) use self::replay::vectors;
use super::translate::to_msl;
use super::{Kernel, distinct, on_every_core};
use crate::Result;
use crate::terminal::say;

/// Kernels that are compiled at once, each in a namespace of its own: reading the library takes longer than a kernel.
const AT_ONCE: usize = 16;

/// As wgpu has Apple's compiler make them: fast maths is what it does where nothing else is said. Metal's literals are f32.
const ARGUMENTS: [&str; 6] =
    ["-std=c++17", "-ffast-math", "-Xclang", "-cl-single-precision-constant", "-w", "-ferror-limit=0"];

/// Has clang compile kernels; those that it refuses, with its words.
pub(super) fn taken(clang: &Path, folder: &Path, kernels: &[Kernel]) -> Result<Vec<String>> {
    let began = Instant::now();
    let kernels = distinct(kernels.to_vec());
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let groups: Vec<&[Kernel]> = kernels.chunks(AT_ONCE).collect();
    let next = AtomicUsize::new(0);
    let refusals = Mutex::new(Vec::new());
    on_every_core(|| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(group) = groups.get(at) else { return Ok(()) };
            let refused = group_refused(clang, folder, at, group).map_err(|error| error.to_string())?;
            refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(refused);
        }
    })?;
    let mut refusals = refusals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    refusals.sort();
    say(&format!(
        "clang with fast maths: {} kernels in Metal's language taken, {} refused; {:.0} s",
        kernels.len() - refusals.len(),
        refusals.len(),
        began.elapsed().as_secs_f64()
    ));
    Ok(refusals)
}

/// What clang refuses of some kernels.
fn group_refused(clang: &Path, folder: &Path, at: usize, group: &[Kernel]) -> Result<Vec<String>> {
    let mut text = "#include <metal_stdlib>\n".to_owned();
    for (number, kernel) in group.iter().enumerate() {
        let name = format!("{at}-{number}.metal");
        std::fs::write(folder.join(&name), to_msl(kernel)?.text)?;
        let _ = writeln!(text, "namespace kernel_{at}_{number} {{\n#include \"{name}\"\n}}");
    }
    let source = folder.join(format!("{at}.cpp"));
    std::fs::write(&source, text)?;
    let output = Command::new(clang)
        .args(ARGUMENTS)
        .arg("-fsyntax-only")
        .arg("-I")
        .arg(library())
        .arg(&source)
        .output()
        .map_err(|error| format!("{}: {error}", clang.display()))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let refused = group.iter().enumerate().filter_map(|(number, kernel)| {
        let name = format!("/{at}-{number}.metal:");
        let line = words.lines().find(|line| line.contains(&name) && line.contains("error:"))?;
        Some(format!("clang refuses {}: {line}", kernel.name))
    });
    let refused: Vec<String> = refused.collect();
    // What cannot be laid at a kernel's door is all of theirs.
    if refused.is_empty() { Err(format!("clang failed on {}: {words}", source.display()).into()) } else { Ok(refused) }
}

/// Where the copy of Metal's library is.
fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/metal")
}
