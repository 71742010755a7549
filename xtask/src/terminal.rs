//! Lines for the reader. A reader who has gone away stops nothing.

use std::io::Write as _;

use gpu_loss::wgpu;

/// A line on standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line on standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// An adapter in a few words.
pub(crate) fn describe(info: &wgpu::AdapterInfo) -> String {
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    let driver = driver.trim();
    let comma = if driver.is_empty() { "" } else { ", " };
    format!("{} [{}{comma}{driver}]", info.name, info.backend)
}
