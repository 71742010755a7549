//! `cargo xtask web`: the page of `web/`, built into `target/web`, served, and tested in a browser.

mod browser;
mod build;
mod install;
mod serve;
mod toolchain;

use std::path::{Path, PathBuf};

use clap::Parser;

pub(crate) use browser::CHROMIUM;

use crate::Result;
use crate::terminal::say;

/// How the page is built, and what is done with it.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Serve it to this machine's browsers
    #[arg(long)]
    serve: bool,
    /// The port to serve it on; 0 is any that is free
    #[arg(long, default_value_t = 8000, requires = "serve")]
    port: u16,
    /// Test it in a headless Chromium; passed over, with the reason, where Chromium or Node.js is missing
    #[arg(long)]
    test: bool,
    /// Install what is missing first (rustup's target or Debian's packages); with --test, nothing is passed over then
    #[arg(long)]
    install: bool,
}

/// Builds the page, and then tests or serves it.
pub(crate) fn web(args: &Args) -> Result<()> {
    if args.install {
        install::install(args.test)?;
    }
    let site = build::build()?;
    if args.test {
        browser::test(&site, args.install)?;
    }
    if args.serve {
        let server = serve::Server::bind(&site, args.port)?;
        say(&format!("http://{} (Ctrl+C ends it)", server.address()));
        server.run();
    }
    Ok(())
}

/// The project's directory.
fn root() -> &'static Path {
    // xtask is a member right under it.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
