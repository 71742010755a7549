//! The program `gpu-loss`, for tasks that run it.

use std::path::PathBuf;
use std::process::Command;

use crate::Result;

/// Builds the program; where it is.
pub(crate) fn built() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // All of the workspace, so that no dependency is built again with fewer of its features.
    let built = Command::new(cargo).args(["build", "--quiet", "--workspace"]).status()?;
    if !built.success() {
        return Err(format!("the program does not build ({built})").into());
    }
    Ok(std::env::current_exe()?.with_file_name(format!("gpu-loss{}", std::env::consts::EXE_SUFFIX)))
}
