//! Installing the software drivers of a Linux distribution.

use super::distro::{self, Family};
use crate::{Result, packages};

/// Installs the drivers. The error holds the commands to run by hand.
pub(super) fn install(gl: bool) -> Result<()> {
    let os_release =
        ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| std::fs::read_to_string(path).ok());
    let os_release = os_release.unwrap_or_default();
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
