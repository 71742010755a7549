//! An MPI, for `crates/mpi`.

use std::process::Command;

use super::distro::Mpi;
use super::install;
use crate::Result;
use crate::packages::on_path;
use crate::terminal::say;

/// Makes sure that programs can be compiled for this MPI and started under it.
pub(super) fn prepare(mpi: Mpi) -> Result<()> {
    let ready = ready(mpi).filter(|_| libclang());
    if ready.is_none() {
        say(&format!("There is no {} with libclang here.", mpi.name()));
        install::install_mpi(mpi)?;
    }
    match ready.or_else(|| self::ready(mpi)) {
        Some([compiler, launcher]) => {
            say(&format!("MPI: MPICC={compiler} MPIEXEC={launcher}"));
            Ok(())
        }
        None => Err(format!(
            "the packages are installed, and yet {} is not on the PATH: Fedora puts it there by `module load mpi`",
            mpi.name()
        )
        .into()),
    }
}

/// Its compiler and its launcher, if both are here.
fn ready(mpi: Mpi) -> Option<[String; 2]> {
    let [compiler, launcher] = mpi.programs().map(on_path);
    let (compiler, launcher) = (compiler?, launcher?);
    let version = Command::new(&launcher).arg("--version").output().ok()?;
    let is_this = mpi.wrote(&String::from_utf8_lossy(&version.stdout));
    is_this.then(|| [compiler, launcher].map(|path| path.display().to_string()))
}

/// Whether there is a clang: its library comes with it on no distribution, and without it on none.
fn libclang() -> bool {
    on_path(&["clang"]).is_some()
}
