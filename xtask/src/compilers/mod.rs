//! What compilers of real GPUs are given: every kernel that the program exports, in every geometry.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod clang;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod family;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod radv;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod record;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod table;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod task;
pub(crate) mod translate;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use self::radv::{ProcessArgs as RadvProcess, process as radv_process};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use self::task::compilers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Result;

/// What is compiled, and what becomes of the numbers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Install Mesa's driver for AMD's GPUs, and clang, where they are missing; nothing is passed over then
    #[arg(long)]
    install: bool,
    /// Every kernel, and not a sample of them
    #[arg(long)]
    full: bool,
    /// Write what is compiled into benches/compilers.tsv, and benches/compilers.md anew
    #[arg(long)]
    record: bool,
    /// Ask one compiler alone
    #[arg(long, value_name = "COMPILER")]
    only: Option<Compiler>,
}

/// A compiler of GPUs, or one like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Compiler {
    /// AMD's, in Mesa
    Aco,
    /// In place of Apple's
    Clang,
}

/// Nothing of these compilers runs here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn compilers(args: &Args) -> Result<()> {
    if args.install || args.record {
        return Err("AMD's compiler is in Mesa, for Linux: this task runs nowhere else".into());
    }
    crate::terminal::say("skipped: AMD's compiler is in Mesa, for Linux");
    Ok(())
}

/// Compilers descend into a kernel by recursion.
const STACK: usize = 64 << 20;

/// A kernel as the program exports it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kernel {
    /// Geometry and file, for messages.
    pub(crate) name: String,
    /// The library's words for it.
    pub(crate) label: String,
    /// The first plan that it is in, if it is one of a loss.
    pub(crate) made_for: Option<MadeFor>,
    /// WGSL as naga takes it.
    pub(crate) wgsl: String,
    /// The overrides, values by their bits.
    constants: BTreeMap<String, u64>,
    /// The bindings of group 0, as (binding, is uniform), in ascending order.
    pub(crate) bindings: Vec<(u32, bool)>,
}

/// What a kernel was exported for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct MadeFor {
    /// N, classes, and positions.
    pub(crate) shape: [usize; 3],
    pub(crate) strategy: String,
    /// Whether all options and outputs are on; else none is.
    pub(crate) everything: bool,
}

/// `manifest.json`
#[derive(Deserialize)]
struct Manifest {
    kernels: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    file: String,
    label: String,
    made_for: Option<MadeFor>,
    constants: BTreeMap<String, f64>,
    bindings: Vec<Binding>,
}

#[derive(Deserialize)]
struct Binding {
    binding: u32,
    #[serde(rename = "type")]
    kind: String,
}

impl Kernel {
    /// What decides which code there is: the text, and the overrides that are switches.
    fn code(&self) -> (String, Vec<(String, Option<bool>)>) {
        let switch = |value: f64| (value == 0.0 || value == 1.0).then_some(value == 1.0);
        let switches = self.constants.iter().map(|(name, bits)| (name.clone(), switch(f64::from_bits(*bits))));
        (self.wgsl.clone(), switches.collect())
    }

    /// The overrides.
    pub(crate) fn constants(&self) -> naga::back::PipelineConstants {
        self.constants.iter().map(|(name, bits)| (name.clone(), f64::from_bits(*bits))).collect()
    }
}

/// Kernels without those that only differ in sizes from another one: no compiler takes one and refuses the other.
pub(crate) fn distinct(kernels: Vec<Kernel>) -> Vec<Kernel> {
    let mut seen = BTreeSet::new();
    kernels.into_iter().filter(|kernel| seen.insert(kernel.code())).collect()
}

/// Has the program write its kernels into a folder for each geometry, and reads them: as the device here has them (`None`),
/// or one of the program's profiles.
pub(crate) fn exported(program: &Path, folder: &Path, geometries: &[Option<&str>]) -> Result<Vec<Kernel>> {
    let mut all = Vec::new();
    for geometry in geometries {
        let name = geometry.unwrap_or("this-adapter");
        let out = folder.join(name);
        if out.exists() {
            std::fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
        }
        let mut export = Command::new(program);
        export.arg("shaders").arg("--out").arg(&out);
        if let Some(profile) = geometry {
            export.args(["--profile", profile]);
        }
        let done = export.output().map_err(|error| format!("{}: {error}", program.display()))?;
        if !done.status.success() {
            let words = String::from_utf8_lossy(&done.stderr);
            return Err(format!("the kernels of {name} are not exported ({}): {words}", done.status).into());
        }
        all.extend(listed(name, &out)?);
    }
    Ok(all)
}

/// Does work on every core, until each says that it is done.
pub(crate) fn on_every_core(work: impl Fn() -> std::result::Result<(), String> + Sync) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| -> Result<()> {
        let spawn = |_| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, &work);
        let handles = (0..threads).map(spawn).collect::<std::io::Result<Vec<_>>>()?;
        for handle in handles {
            handle.join().map_err(|_| "a thread that compiled kernels panicked")??;
        }
        Ok(())
    })
}

/// The kernels of a folder's manifest.
fn listed(geometry: &str, folder: &Path) -> Result<Vec<Kernel>> {
    let read = |file: &str| {
        let path = folder.join(file);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let manifest: Manifest = serde_json::from_str(&read("manifest.json")?)?;
    let mut kernels = Vec::new();
    for (at, kernel) in manifest.kernels.into_iter().enumerate() {
        let mut bindings: Vec<(u32, bool)> =
            kernel.bindings.iter().map(|binding| (binding.binding, binding.kind == "uniform")).collect();
        bindings.sort_unstable();
        kernels.push(Kernel {
            name: format!("{geometry}/{at:04} {}", kernel.file),
            label: kernel.label,
            made_for: kernel.made_for,
            wgsl: for_naga(&read(&kernel.file)?),
            constants: kernel.constants.into_iter().map(|(name, value)| (name, value.to_bits())).collect(),
            bindings,
        });
    }
    Ok(kernels)
}

/// Without the lines that Tint asks for where there are subgroup operations: naga knows neither.
fn for_naga(wgsl: &str) -> String {
    let lines = wgsl.lines().filter(|l| !l.starts_with("enable subgroups") && !l.starts_with("diagnostic(off"));
    lines.collect::<Vec<_>>().join("\n")
}
