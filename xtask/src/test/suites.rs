//! The test binaries of the workspace, run side by side: each spends much of its time in a driver's compiler, which uses
//! one core.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use serde::Deserialize;

use super::tally::Tally;
use crate::Result;
use crate::terminal::say;

/// Suites at once, at most: each has threads of its own.
const AT_ONCE: usize = 4;
/// What takes longest begins first. The order only decides how well the work is spread.
const LONGEST: [&str; 8] =
    ["regressions", "wide_loads", "edge_cases", "vectors", "resident", "plan", "property", "exit_codes"];

/// What is run again under other devices' profiles, kernels made for GPUs among them.
const UNDER_PROFILES: &str = "vectors";
/// Profiles with the width of lavapipe's vectors in bits, which makes its subgroups: 4, 8 or 16 invocations. Ranges stand
/// around the real size, as drivers of AMD, Intel and Apple state them.
const PROFILES: [(&str, &str); 8] = [
    ("discrete:4-64", "256"),
    ("no-subgroups", "256"),
    ("discrete:4-64", "128"),
    ("discrete:8-32", "512"),
    ("discrete", "256"),
    ("integrated:8-32", "256"),
    ("apple:4-64", "512"),
    ("cpu", "256"),
];
/// How many of these are tested without `--full`.
const QUICK_PROFILES: usize = 2;

/// One process of tests.
pub(super) struct Suite {
    name: String,
    command: Command,
}

/// How a suite ended.
pub(super) struct Ended {
    pub(super) passed: bool,
    pub(super) tally: Tally,
}

/// A line of cargo's messages.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds the tests of the workspace, and lists them with the documentation's, and once more under other profiles.
pub(super) fn built(cargo: &Path, full: bool) -> Result<Vec<Suite>> {
    let mut build = Command::new(cargo);
    build.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    let output = build.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the tests do not build ({})", output.status).into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let mut suites: Vec<Suite> = messages.lines().filter_map(suite).collect();
    suites.sort_by_key(|suite| LONGEST.iter().position(|name| suite.name == *name).unwrap_or(LONGEST.len()));
    let again = under_profiles(&suites, full);
    suites.extend(again);
    let mut documentation = Command::new(cargo);
    documentation.args(["test", "--workspace", "--doc"]);
    suites.push(Suite { name: "documentation".into(), command: documentation });
    Ok(suites)
}

/// The suite that a message tells of, if any, run where cargo would run it.
fn suite(message: &str) -> Option<Suite> {
    let message: Message = serde_json::from_str(message).ok()?;
    let (executable, manifest, target) = (message.executable?, message.manifest_path?, message.target?);
    if !message.profile?.test {
        return None;
    }
    let folder = manifest.parent()?;
    let mut command = Command::new(executable);
    command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
    let unit = !target.kind.iter().any(|kind| kind == "test");
    let name = if unit { format!("{} (its own tests)", target.name) } else { target.name };
    Some(Suite { name, command })
}

/// Suites that run once more, their kernels made for other devices.
fn under_profiles(suites: &[Suite], full: bool) -> Vec<Suite> {
    let profiles = if full { &PROFILES[..] } else { &PROFILES[..QUICK_PROFILES] };
    let again = |(profile, bits): &(&str, &str), suite: &Suite| {
        let mut command = Command::new(suite.command.get_program());
        command.env("GPU_LOSS_PROFILE", profile).env("LP_NATIVE_VECTOR_WIDTH", bits).env("WGPU_BACKEND", "vulkan");
        if let Some(folder) = suite.command.get_current_dir() {
            command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
        }
        Suite { name: format!("{} under {profile}, vectors of {bits} bits", suite.name), command }
    };
    let chosen: Vec<&Suite> = suites.iter().filter(|suite| suite.name == UNDER_PROFILES).collect();
    profiles.iter().flat_map(|profile| chosen.iter().map(move |suite| again(profile, suite))).collect()
}

/// Runs them all; what each prints is shown when it has ended.
pub(super) fn run(suites: Vec<Suite>, skips: &Path, full: bool) -> Vec<Ended> {
    let total = suites.len();
    let waiting = Mutex::new(suites.into_iter().enumerate());
    let ended = Mutex::new(Vec::new());
    let at_once = std::thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((at, mut suite)) = waiting.lock().ok().and_then(|mut waiting| waiting.next()) {
                    suite.command.env("GPU_LOSS_SKIPS", skips).stdin(Stdio::null());
                    if full {
                        suite.command.env("GPU_LOSS_FULL", "1").env("GPU_LOSS_HUGE", "1");
                    }
                    let one = suite.run(at + 1, total);
                    if let Ok(mut ended) = ended.lock() {
                        ended.push(one);
                    }
                }
            });
        }
    });
    ended.into_inner().unwrap_or_default()
}

impl Suite {
    fn run(mut self, number: usize, total: usize) -> Ended {
        let began = Instant::now();
        let mut tally = Tally::default();
        let (passed, words) = match self.command.output() {
            Err(error) => (false, format!("does not start: {error}")),
            Ok(output) => {
                let [printed, complained] =
                    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
                printed.lines().for_each(|line| tally.count(line));
                (output.status.success(), printed + &complained)
            }
        };
        // A suite that died, or does not start, counts no failure of its own.
        if !passed && tally.failed == 0 {
            tally.failed = 1;
        }
        let seconds = began.elapsed().as_secs();
        say(&format!("\n[{number} of {total}] {}, {seconds} s\n{}", self.name, words.trim_end()));
        Ended { passed, tally }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_told_from_what_else_cargo_builds() {
        let line = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/a/crates/cli/Cargo.toml","target":{{"kind":["test"],"name":"run"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let found = suite(&line(true, r#""/a/target/debug/deps/run-1""#)).expect("a suite");
        assert_eq!(found.name, "run");
        assert_eq!(found.command.get_current_dir(), Some(Path::new("/a/crates/cli")));
        assert!(suite(&line(true, "null")).is_none());
        assert!(suite(&line(false, r#""/a/target/debug/gpu-loss""#)).is_none());
        assert!(suite(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
