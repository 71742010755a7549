//! Where the compiler is, and how it comes there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::packages::install_debian;

/// The library in the archive, for this processor; absent where there is none.
pub(super) const LIBRARY: Option<&str> = match cfg!(all(target_os = "linux", target_env = "gnu")) {
    true if cfg!(target_arch = "x86_64") => Some("libdxcompiler_x86_64.so.3.7"),
    true if cfg!(target_arch = "aarch64") => Some("libdxcompiler_aarch64.so.3.7"),
    _ => None,
};

/// Downloads the archive by pip, which checks its hash, and takes the library out of it.
pub(super) fn install(library: &str, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(library);
    if path.exists() {
        return Ok(path);
    }
    if !answers("python3", &["-m", "pip", "--version"]) {
        install_debian(&["python3-pip"])?;
    }
    std::fs::create_dir_all(folder)?;
    let requirement = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/compushady.txt");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--no-binary", "compushady", "--require-hashes", "--requirement"]).arg(requirement);
    succeeds(pip.arg("--dest").arg(folder), "pip download")?;
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "gz");
    let archive = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).find(is_archive);
    let archive = archive.ok_or("pip downloaded no archive")?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--gzip").arg("--file").arg(&archive).arg("--directory").arg(folder);
    // Out of all its folders: compushady-0.17.5/compushady/backends/.
    tar.args(["--strip-components=3", "--wildcards", &format!("*/backends/{library}")]);
    succeeds(&mut tar, "tar")?;
    std::fs::remove_file(archive)?;
    Ok(path)
}

fn answers(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn succeeds(command: &mut Command, name: &str) -> Result<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed ({status})").into()),
        Err(error) => Err(format!("{name} does not start: {error}").into()),
    }
}
