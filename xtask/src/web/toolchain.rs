//! A Rust compiler for `wasm32-unknown-unknown`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Where there is no such compiler.
const ADVICE: &str = "there is no Rust for wasm32-unknown-unknown. Install it, or let `cargo xtask web --install` do so:\n    \
     rustup target add wasm32-unknown-unknown\n\
     or, where Debian's packages are what can be reached,\n    \
     apt-get install rustc-web cargo-web rust-web-src";

/// Who compiles.
#[derive(Debug)]
pub(super) enum Toolchain {
    /// The compiler at hand, which has the target.
    Ours,
    /// Debian's compiler for browsers, with the standard library's sources; the linker is that of the compiler at hand.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// The one at hand, else Debian's.
    pub(super) fn find() -> Result<Self> {
        let libraries = told(&rustc(), &["--print", "target-libdir", "--target", TARGET])?;
        if Path::new(&libraries).is_dir() {
            return Ok(Toolchain::Ours);
        }
        let sources = Path::new("/usr/lib/rustlib/src/rust/library/std").is_dir();
        if !sources || !Path::new("/usr/bin/cargo").is_file() {
            return Err(ADVICE.into());
        }
        let sysroot = told(&rustc(), &["--print", "sysroot"])?;
        let host = told(&rustc(), &["--print", "host-tuple"])?;
        let linker = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
        if !linker.is_file() {
            return Err(
                format!("Debian's compiler for browsers needs rust-lld, and there is no {}", linker.display()).into()
            );
        }
        Ok(Toolchain::Debian { linker })
    }

    /// Cargo, ready to build for the target.
    pub(super) fn cargo(&self) -> Command {
        match self {
            Toolchain::Ours => {
                let mut cargo = Command::new(cargo());
                cargo.args(["build", "--target", TARGET]);
                cargo
            }
            Toolchain::Debian { linker } => {
                let mut cargo = Command::new("/usr/bin/cargo");
                // Building the standard library is not stable: the compiler has to be told that this is meant.
                cargo.args(["build", "--target", TARGET, "-Zbuild-std=std,panic_abort"]);
                cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                cargo
            }
        }
    }
}

/// The cargo that runs this.
pub(super) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

fn rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

/// What a program prints, without the end of the line.
fn told(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{} does not start: {error}", program.display()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} {}: {}", program.display(), arguments.join(" "), words.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
