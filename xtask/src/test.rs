//! `cargo xtask test`: the tests of the whole workspace, on every adapter there is.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use gpu_loss::{AdapterFilter, GpuLoss};

use crate::terminal::{describe, say};
use crate::{Result, setup};

/// How much is tested, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Everything: more random batches, the largest buffers, PyTorch where it is installed, the page, Dawn and DXC
    #[arg(long)]
    full: bool,
    /// Given to `cargo test --workspace`
    #[arg(last = true)]
    args: Vec<String>,
}

/// What is tested beside `cargo test`, each by a task of its own: the page, and what other compilers say of the kernels.
const BESIDE: [&[&str]; 3] = [&["web", "--test", "--install"], &["dawn", "--install"], &["dxc", "--install"]];

/// How the tests of one run ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    /// Name and reason of each.
    skipped: Vec<String>,
}

/// Runs `cargo test --workspace`. The tests themselves walk over the adapters.
pub(crate) fn test(args: &Args) -> Result<()> {
    setup::for_tests()?;
    let filter = AdapterFilter::default();
    let adapters: Vec<String> = GpuLoss::adapters(&filter).iter().map(|a| describe(&a.get_info())).collect();
    if adapters.is_empty() {
        // The library knows what to advise.
        GpuLoss::open(&filter)?;
    }
    say("Adapters:");
    adapters.iter().for_each(|adapter| say(&format!("  {adapter}")));
    say(match args.full {
        true => {
            "Everything is tested, the page, Dawn and DXC too: about 40 minutes on two cores, and 5 more to build the tests."
        }
        false => {
            "About 15 minutes on two cores, and 5 more where the tests are to be built; `--full` tests everything."
        }
    });

    let begin = Instant::now();
    let folder = std::env::temp_dir().join(format!("gpu-loss-tests-{}", std::process::id()));
    let skips = folder.with_extension("skips");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--workspace"]).args(&args.args).env("GPU_LOSS_SKIPS", &skips).stdout(Stdio::piped());
    if args.full {
        command.env("GPU_LOSS_FULL", "1").env("GPU_LOSS_HUGE", "1");
    }
    let mut child = command.spawn().map_err(|error| format!("cargo test does not start: {error}"))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            tally.count(&line);
            say(&line);
        }
    }
    let mut passed = child.wait()?.success();
    tally.take_skips(&skips);
    if args.full {
        for task in BESIDE {
            passed &= tally.run(task)?;
        }
    }

    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    let number = if adapters.len() == 1 { "1 adapter".into() } else { format!("{} adapters", adapters.len()) };
    say(&format!("\n{minutes:.1} minutes, on {number}: {}", adapters.join("; ")));
    tally.skipped.iter().for_each(|skipped| say(&format!("skipped: {skipped}")));
    say(&tally.line());
    if passed { Ok(()) } else { Err("the tests failed".into()) }
}

impl Tally {
    /// Runs a task of this program, as one test.
    fn run(&mut self, task: &[&str]) -> Result<bool> {
        say(&format!("\ncargo xtask {}", task.join(" ")));
        let passed = Command::new(std::env::current_exe()?).args(task).status()?.success();
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
        Ok(passed)
    }

    /// Takes in a line of what `cargo test` prints.
    fn count(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            let of = |what: &str| -> usize {
                let counts = counts.split([';', '.']).map(str::trim);
                counts
                    .filter_map(|count| count.strip_suffix(what))
                    .find_map(|n| n.trim().parse().ok())
                    .unwrap_or_default()
            };
            self.passed += of(" passed");
            self.failed += of(" failed");
        } else if let Some((name, how)) = line.strip_prefix("test ").and_then(|test| test.split_once(" ... ignored")) {
            self.skipped.push(format!("{name}{}", how.replacen(", ", ": ", 1)));
        }
    }

    /// Takes in what tests wrote that found nothing to test: the runner counts them as passed.
    fn take_skips(&mut self, file: &Path) {
        let Ok(text) = std::fs::read_to_string(file) else { return };
        let skipped: Vec<String> = text.lines().map(str::to_owned).collect();
        self.passed = self.passed.saturating_sub(skipped.len());
        self.skipped.extend(skipped);
        let _ = std::fs::remove_file(file);
    }

    /// The last line, which counters of tests read.
    fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_not_counted_as_passed() {
        let mut tally = Tally::default();
        for line in [
            "test large ... ignored, takes 8 GiB",
            "test small ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            tally.count(line);
        }
        let file = std::env::temp_dir().join(format!("gpu-loss-skips-{}", std::process::id()));
        std::fs::write(&file, "from_python: there is no PyTorch\n").expect("a folder for temporary files");
        tally.take_skips(&file);
        assert_eq!(tally.line(), "4 passed, 1 failed, 2 skipped");
        assert_eq!(tally.skipped, ["large: takes 8 GiB", "from_python: there is no PyTorch"]);
    }
}
