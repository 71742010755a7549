//! The page's files, in one folder that any file server will do for.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::toolchain::{TARGET, Toolchain, cargo};
use super::{root, target};
use crate::Result;
use crate::terminal::say;

/// Builds the page, says how much of it a visitor's browser loads, and returns its folder.
pub(super) fn build() -> Result<PathBuf> {
    // The page's compiler may be another than that of everything else: they share no folder.
    let (works, site) = (target().join("web-build"), target().join("web"));
    let mut compile = Toolchain::find()?.cargo();
    compile.args(["--package", "gpu-loss-web", "--lib", "--profile", "web", "--target-dir"]).arg(&works);
    run(&mut compile, "compiling the page")?;
    if site.exists() {
        std::fs::remove_dir_all(&site).map_err(|error| format!("{} cannot be emptied: {error}", site.display()))?;
    }
    let mut bindgen = Command::new(cargo());
    bindgen.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(root().join("crates/web/bindgen/Cargo.toml"));
    bindgen.arg("--target-dir").arg(works.join("bindgen")).arg("--");
    bindgen.arg(works.join(TARGET).join("web/gpu_loss_web.wasm")).arg(&site);
    run(&mut bindgen, "making the page's bindings")?;
    for file in files(&root().join("crates/web/page"))? {
        let copy = site.join(file.file_name().unwrap_or_default());
        std::fs::copy(&file, &copy).map_err(|error| format!("{} cannot be written: {error}", copy.display()))?;
    }
    let (mut plain, mut packed) = (0, 0);
    for file in files(&site)? {
        let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        plain += bytes.len();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        packed += encoder.finish()?.len();
    }
    let kilobytes = |bytes: usize| bytes.div_ceil(1000);
    say(&format!("{}: {} KB, {} KB as gzip sends them", site.display(), kilobytes(plain), kilobytes(packed)));
    Ok(site)
}

/// The files right in a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    Ok(paths?.into_iter().filter(|path| path.is_file()).collect())
}

/// Runs a command to its end.
pub(super) fn run(command: &mut Command, doing: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status =
        command.current_dir(root()).status().map_err(|error| format!("{doing}: {program} does not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{doing}: {program} failed ({status})").into()) }
}
