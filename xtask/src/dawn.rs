//! `cargo xtask dawn`: the kernels under Dawn, the WebGPU implementation of Chrome, with its own WGSL compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;

use crate::packages::{absent_for_browser, install_debian};
use crate::terminal::say;
use crate::{Result, program};

/// What `run.mjs` ends with where Dawn has no adapter.
const SKIPPED: i32 = 77;
/// Where browsers keep the description of SwiftShader, a Vulkan driver that Dawn takes.
const SWIFTSHADER: [&str; 3] = [
    "/usr/lib/chromium/vk_swiftshader_icd.json",
    "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
    "/opt/google/chrome/vk_swiftshader_icd.json",
];

/// Whether what Dawn needs is installed first.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Install Node.js, and Chromium for its software driver, where they are missing; nothing is passed over then
    #[arg(long)]
    install: bool,
}

/// Installs Dawn for Node, builds the program, and replays every test vector; says what is missing otherwise.
pub(crate) fn dawn(args: &Args) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/dawn");
    if args.install {
        install_debian(&absent_for_browser())?;
    }
    for program in ["node", "npm"] {
        if Command::new(program).arg("--version").output().is_err() {
            say(&format!("skipped: {program} is missing; `cargo xtask dawn --install` installs it"));
            return Ok(());
        }
    }
    // The package brings its binaries: its scripts have nothing to do.
    let npm = Command::new("npm").args(["ci", "--silent", "--ignore-scripts"]).current_dir(&folder).status()?;
    if !npm.success() {
        return Err(format!("npm ci in {} failed ({npm})", folder.display()).into());
    }
    let program = program::built()?;
    let drivers = SWIFTSHADER.iter().map(PathBuf::from).filter(|path| path.exists()).map(Some);
    for driver in std::iter::once(None).chain(drivers) {
        let mut node = Command::new("node");
        node.arg(folder.join("run.mjs")).arg(&program).args(["--backend", backend()]);
        // Mesa's device-select layer complains where there is no desktop.
        node.env("NODEVICE_SELECT", "1");
        if let Some(driver) = driver {
            // The second name is that of Vulkan loaders before 1.3.207.
            node.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", driver);
        }
        let status = node.status()?;
        match status.code() {
            Some(0) => return Ok(()),
            Some(SKIPPED) => {}
            _ => return Err(format!("the check under Dawn failed ({status})").into()),
        }
    }
    if args.install { Err("Dawn finds no adapter, not even Chromium's".into()) } else { Ok(()) }
}

/// The backend that Dawn chooses first.
fn backend() -> &'static str {
    match std::env::consts::OS {
        "macos" => "metal",
        "windows" => "dx12",
        _ => "vulkan",
    }
}
