//! `cargo xtask test`: the tests of the whole workspace, on every adapter there is.

mod suites;
mod tally;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use gpu_loss::GpuLoss;
use gpu_loss::builder::AdapterFilter;

use self::tally::Tally;
use crate::terminal::{describe, say};
use crate::{Result, setup};

/// How much is tested, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Everything: more random batches, other profiles, the largest buffers, PyTorch if installed, the page, Dawn, DXC
    #[arg(long)]
    full: bool,
}

/// What is tested beside `cargo test`, each by a task of its own: the page, and what other compilers say of the kernels.
/// Those of GPUs (`compilers`) have a job of their own: they may take as long as all the rest.
const BESIDE: [&[&str]; 3] = [&["web", "--test", "--install"], &["dawn", "--install"], &["dxc", "--install"]];

/// Runs every test binary and the documentation's examples. The tests themselves walk over the adapters.
pub(crate) fn test(args: &Args) -> Result<()> {
    let this_program = crate::program::this()?;
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
            "Everything is tested, under all profiles, and the page, Dawn and DXC too: about 45 minutes on two cores, and 5 more to build the tests."
        }
        false => {
            "About 10 minutes on two cores, and 5 more where the tests are to be built; `--full` tests everything."
        }
    });

    let begin = Instant::now();
    let skips = std::env::temp_dir().join(format!("gpu-loss-tests-{}.skips", std::process::id()));
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let ended = suites::run(suites::built(&cargo, args.full)?, &skips, args.full);
    let mut tally = Tally::default();
    let mut passed = true;
    for suite in ended {
        passed &= suite.passed;
        tally.passed += suite.tally.passed;
        tally.failed += suite.tally.failed;
        tally.skipped.extend(suite.tally.skipped);
    }
    tally.take_skips(&skips);
    if args.full {
        for task in BESIDE {
            passed &= run(&this_program, task, &mut tally)?;
        }
    }

    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    let number = if adapters.len() == 1 { "1 adapter".into() } else { format!("{} adapters", adapters.len()) };
    say(&format!("\n{minutes:.1} minutes, on {number}: {}", adapters.join("; ")));
    tally.skipped.iter().for_each(|skipped| say(&format!("skipped: {skipped}")));
    say(&tally.line());
    if passed { Ok(()) } else { Err("the tests failed".into()) }
}

/// Runs a task of this program, as one test.
fn run(this_program: &Path, task: &[&str], tally: &mut Tally) -> Result<bool> {
    say(&format!("\ncargo xtask {}", task.join(" ")));
    let status = Command::new(this_program).args(task).status();
    let status = status.map_err(|error| format!("{}: {error}", this_program.display()))?;
    *(if status.success() { &mut tally.passed } else { &mut tally.failed }) += 1;
    Ok(status.success())
}
