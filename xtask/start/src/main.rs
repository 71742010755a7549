//! What `cargo xtask` starts: says how long the build takes, lets cargo show it, and becomes the task.
//!
//! It has no dependencies, so that it is there within a second. What it builds has the features that all of the workspace
//! has: the tests and the program share it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let program =
        std::env::current_exe().map(|own| own.with_file_name(format!("xtask{}", std::env::consts::EXE_SUFFIX)));
    let program = program.unwrap_or_else(|_| PathBuf::from("xtask"));
    if !program.exists() {
        eprintln!("Building the tasks and the library: about 4 minutes on two cores, the first time only.");
    }
    // No package is named: the features are then those of all default members.
    let built = Command::new(cargo).args(["build", "--bin", "xtask"]).status();
    if !built.is_ok_and(|status| status.success()) {
        return ExitCode::FAILURE;
    }
    match Command::new(&program).args(std::env::args_os().skip(1)).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("{} does not start: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
