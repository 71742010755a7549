//! What compilers of real GPUs are given: every kernel that the program exports, in every geometry.

pub(crate) mod translate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Result;

/// A kernel as the program exports it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kernel {
    /// Geometry and file, for messages.
    pub(crate) name: String,
    /// WGSL as naga takes it.
    pub(crate) wgsl: String,
    /// The overrides, values by their bits.
    constants: BTreeMap<String, u64>,
    /// The bindings of group 0, as (binding, is uniform), in ascending order.
    pub(crate) bindings: Vec<(u32, bool)>,
}

/// `manifest.json`
#[derive(Deserialize)]
struct Manifest {
    kernels: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    file: String,
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

/// Has the program write its kernels into a folder for each geometry, and reads them: as the device here has them (`None`),
/// or one of the program's profiles. What only differs in sizes from another one is left out: no compiler takes one and
/// refuses the other.
pub(crate) fn exported(program: &Path, folder: &Path, geometries: &[Option<&str>]) -> Result<Vec<Kernel>> {
    let mut seen = BTreeSet::new();
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
        all.extend(listed(name, &out)?.into_iter().filter(|kernel| seen.insert(kernel.code())));
    }
    Ok(all)
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
