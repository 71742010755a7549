//! Installing the software drivers of a Linux distribution.

use super::distro::{self, Family, Mpi};
use crate::{Result, packages};

/// Installs the drivers. The error holds the commands to run by hand.
pub(super) fn install(gl: bool) -> Result<()> {
    let os_release = os_release();
    let Some(family) = Family::of(&os_release) else {
        return Err(format!(
            "the packages of {} are not known here: install a Vulkan loader and driver (Mesa's lavapipe needs no GPU){} \
             and run this again",
            distro::name(&os_release),
            if gl { ", EGL and Mesa's OpenGL drivers," } else { "" }
        )
        .into());
    };
    packages::install(&family.commands(gl), "the drivers")
}

/// Installs an MPI, and what its headers are read with.
pub(super) fn install_mpi(mpi: Mpi) -> Result<()> {
    let os_release = os_release();
    match Family::of(&os_release).map(|family| family.mpi_commands(mpi)) {
        Some(commands) if !commands.is_empty() => packages::install(&commands, "an MPI"),
        _ => Err(format!(
            "the packages of {} are not known here: install {} with its headers, libclang, clang and make, and run this again",
            distro::name(&os_release),
            mpi.name()
        )
        .into()),
    }
}

/// What the distribution says of itself.
fn os_release() -> String {
    let found = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| std::fs::read_to_string(path).ok());
    found.unwrap_or_default()
}
