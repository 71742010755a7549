//! The system's package manager: with the rights that it needs, and with words to copy where it fails.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::terminal::say;
use crate::web::CHROMIUM;

/// Runs the commands that install `what`, through sudo where that is needed. Only the last one has to succeed: those
/// before bring lists of packages up to date. The error holds the commands to run by hand.
pub(crate) fn install(commands: &[Vec<&str>], what: &str) -> Result<()> {
    let root = is_root();
    let sudo: &[&str] = match (root, std::io::stdin().is_terminal()) {
        (true, _) => &[],
        (false, true) => &["sudo"],
        // Nobody is there to type a password.
        (false, false) => &["sudo", "-n"],
    };
    for (at, command) in commands.iter().enumerate() {
        let command: Vec<&str> = sudo.iter().chain(command).copied().collect();
        say(&format!("$ {}", command.join(" ")));
        let mut run = Command::new(command[0]);
        let problem = match run.args(&command[1..]).env("DEBIAN_FRONTEND", "noninteractive").status() {
            Ok(status) if status.success() => continue,
            Ok(status) => format!("{} failed ({status})", command.join(" ")),
            Err(error) => format!("{} does not start ({error})", command[0]),
        };
        if at + 1 < commands.len() {
            // One source of packages that is out of reach is no reason to stop: the others may do.
            say(&problem);
            continue;
        }
        return Err(format!("{problem}. To install {what} by hand:\n    {}", by_hand(commands, root)).into());
    }
    Ok(())
}

/// Installs Debian's packages, without what they only recommend.
pub(crate) fn install_debian(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if on_path(&["apt-get"]).is_none() {
        return Err(format!("there is no apt-get to install {} with: install them by hand", packages.join(", ")).into());
    }
    let line = ["apt-get", "install", "-y", "--no-install-recommends"].iter().chain(packages).copied().collect();
    install(&[vec!["apt-get", "update"], line], "them")
}

/// Debian's packages of what drives a browser, as far as they are missing.
pub(crate) fn absent_for_browser() -> Vec<&'static str> {
    [(CHROMIUM, "chromium"), (&["node"], "nodejs"), (&["npm"], "npm")]
        .into_iter()
        .filter(|(programs, _)| on_path(programs).is_none())
        .map(|(_, package)| package)
        .collect()
}

/// A program on the search path.
pub(crate) fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names
        .iter()
        .find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()))
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
        let commands = [vec!["apt-get", "update"], vec!["apt-get", "install", "-y", "chromium"]];
        assert_eq!(by_hand(&commands, false), "sudo apt-get update && sudo apt-get install -y chromium");
        assert_eq!(by_hand(&commands, true), "apt-get update && apt-get install -y chromium");
    }
}
