//! `cargo xtask test`: the tests of the whole workspace, on every adapter there is.

use std::process::Command;

use gpu_loss::{AdapterFilter, GpuLoss};

use crate::terminal::{describe, say};
use crate::{Result, setup};

/// Runs `cargo test --workspace` with these arguments. The tests themselves walk over the adapters.
pub(crate) fn test(args: &[String]) -> Result<()> {
    setup::for_tests()?;
    let filter = AdapterFilter::default();
    let adapters: Vec<String> = GpuLoss::adapters(&filter).iter().map(|a| describe(&a.get_info())).collect();
    if adapters.is_empty() {
        // The library knows what to advise.
        GpuLoss::open(&filter)?;
    }
    say("Adapters:");
    adapters.iter().for_each(|adapter| say(&format!("  {adapter}")));

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["test", "--workspace"]).args(args).status();
    let status = status.map_err(|error| format!("cargo test does not start: {error}"))?;
    if !status.success() {
        return Err(format!("the tests failed ({status})").into());
    }
    let number = if adapters.len() == 1 { "1 adapter".into() } else { format!("{} adapters", adapters.len()) };
    say(&format!("The tests passed, on {number}: {}", adapters.join("; ")));
    Ok(())
}
