//! Installing what the page is built and tested with.

use std::process::Command;

use super::toolchain::{TARGET, Toolchain};
use crate::Result;
use crate::packages::{absent_for_browser, install_debian, on_path};
use crate::terminal::say;

/// Installs what is missing: the target by rustup, else by Debian's packages, as the browser's are.
pub(super) fn install(for_test: bool) -> Result<()> {
    if Toolchain::find().is_err() && on_path(&["rustup", "rustup.exe"]).is_some() {
        let added = Command::new("rustup").args(["target", "add", TARGET]).status();
        if !added.is_ok_and(|status| status.success()) {
            say("rustup cannot add the target.");
        }
    }
    let mut packages = Vec::new();
    if Toolchain::find().is_err() {
        packages.extend(["rustc-web", "cargo-web", "rust-web-src"]);
    }
    if for_test {
        packages.extend(absent_for_browser());
    }
    install_debian(&packages)
}
