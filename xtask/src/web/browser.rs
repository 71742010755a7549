//! The page's test in a headless Chromium, on the software adapter that it brings.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::run;
use super::serve::Server;
use super::{root, target};
use crate::Result;
use crate::packages::on_path;
use crate::terminal::say;

pub(crate) const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// Runs `crates/web/test/browser.mjs`. What is missing is told, and is a failure where it is `required`.
pub(super) fn test(site: &Path, required: bool) -> Result<()> {
    let mac = Some(PathBuf::from(MAC)).filter(|program| program.is_file());
    let (Some(chromium), Some(node), Some(npm)) =
        (on_path(CHROMIUM).or(mac), on_path(&["node", "node.exe"]), on_path(&["npm", "npm.cmd"]))
    else {
        let words =
            "the browser test needs Chromium, Node.js and npm; `cargo xtask web --test --install` installs them";
        if required {
            return Err(words.into());
        }
        say(&format!("Skipped: {words}"));
        return Ok(());
    };
    let works = target().join("web-build/test");
    std::fs::create_dir_all(&works)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(root().join("crates/web/test").join(file), works.join(file))?;
    }
    run(Command::new(npm).args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&works), "installing Playwright")?;
    let server = Server::bind(site, 0)?;
    let page = format!("http://{}/", server.address());
    std::thread::spawn(move || server.run());
    let mut script = Command::new(node);
    script
        .arg(root().join("crates/web/test/browser.mjs"))
        .arg(page)
        .arg(chromium)
        .arg(works.join("node_modules/playwright-core"));
    run(&mut script, "testing the page in Chromium")
}
