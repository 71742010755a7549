//! The program `gpu-loss`, for tasks that run it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::Result;

static THIS: OnceLock<PathBuf> = OnceLock::new();

/// Where this program is. Asked first by `main`, before anything is built: a program that is built again while it runs has
/// no path any more.
pub(crate) fn this() -> Result<PathBuf> {
    let path = match THIS.get() {
        Some(path) => path.clone(),
        None => std::env::current_exe()?,
    };
    Ok(THIS.get_or_init(|| path).clone())
}

/// Builds the program; where it is.
pub(crate) fn built() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // All of the workspace, so that no dependency is built again with fewer of its features.
    let built = Command::new(cargo).args(["build", "--quiet", "--workspace"]).status()?;
    if !built.success() {
        return Err(format!("the program does not build ({built})").into());
    }
    Ok(this()?.with_file_name(format!("gpu-loss{}", std::env::consts::EXE_SUFFIX)))
}
