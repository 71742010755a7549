//! Installing the software drivers of a Linux distribution.

use std::io::IsTerminal as _;
use std::process::Command;

use super::distro::{self, Family};
use crate::Result;
use crate::terminal::say;

/// Installs the drivers, through sudo where that is needed. The error holds the commands to run by hand.
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
    let commands = family.commands(gl);
    let root = is_root();
    let sudo: &[&str] = match (root, std::io::stdin().is_terminal()) {
        (true, _) => &[],
        (false, true) => &["sudo"],
        // Nobody is there to type a password.
        (false, false) => &["sudo", "-n"],
    };
    let by_hand = by_hand(&commands, root);
    for (at, command) in commands.iter().enumerate() {
        let command: Vec<&str> = sudo.iter().chain(command).copied().collect();
        say(&format!("$ {}", command.join(" ")));
        let problem = match Command::new(command[0]).args(&command[1..]).status() {
            Ok(status) if status.success() => continue,
            Ok(status) => format!("{} failed ({status})", command.join(" ")),
            Err(error) => format!("{} does not start ({error})", command[0]),
        };
        if at + 1 < commands.len() {
            // One source of packages that is out of reach is no reason to stop: the others may do.
            say(&problem);
            continue;
        }
        return Err(format!("{problem}. To install the drivers by hand:\n    {by_hand}").into());
    }
    Ok(())
}

/// The commands as one line to copy.
fn by_hand(commands: &[Vec<&str>], root: bool) -> String {
    let sudo = if root { "" } else { "sudo " };
    commands.iter().map(|command| format!("{sudo}{}", command.join(" "))).collect::<Vec<_>>().join(" && ")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_copy_asks_for_rights_that_the_user_lacks() {
        let commands = Family::Debian.commands(false);
        assert_eq!(
            by_hand(&commands, false),
            "sudo apt-get update && sudo apt-get install -y libvulkan1 mesa-vulkan-drivers"
        );
        assert_eq!(by_hand(&commands, true), "apt-get update && apt-get install -y libvulkan1 mesa-vulkan-drivers");
    }
}
