//! `cargo xtask soak`: random batches on every adapter for as long as one likes, from several threads, with futures
//! dropped in flight and devices lost, every result checked against the reference.

mod generation;
mod memory;
mod tally;
mod worker;

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gpu_loss::GpuLoss;
use gpu_loss::builder::AdapterFilter;

use crate::terminal::{describe, say};
use crate::{Result, setup};
use generation::Keeper;
use memory::Memory;
use tally::Tally;

/// Threads that share each adapter's device.
const THREADS: usize = 2;
/// A thread that has not moved for so long hangs: each of its waits ends earlier, and kernels are built in seconds, if
/// not on a machine that has twenty other things to do.
const HANG: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_secs(5);

/// How long, and from which seed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many minutes
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Where the random numbers begin; by the clock unless given
    #[arg(long)]
    seed: Option<u64>,
}

/// Soaks every adapter; an error names what went wrong.
pub(crate) fn soak(args: &Args) -> Result<()> {
    setup::for_tests()?;
    let filter = AdapterFilter::default();
    let adapters = GpuLoss::adapters(&filter);
    if adapters.is_empty() {
        // The library knows what to advise.
        GpuLoss::open(&filter)?;
    }
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let seed = args.seed.unwrap_or_else(clock);
    let length = Duration::try_from_secs_f64(args.minutes * 60.0)?;
    say(&format!("Soaking for {} min from seed {seed}, {THREADS} threads each on:", args.minutes));
    adapters.iter().for_each(|adapter| say(&format!("  {}", describe(&adapter.get_info()))));

    let tally = Tally::new(adapters.len() * (THREADS + 1));
    let memory = Mutex::new(Memory::default());
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for (place, adapter) in adapters.iter().enumerate() {
            let keeper = Keeper { adapter, place, seed, end: begin + length, tally: &tally };
            scope.spawn(move || keeper.keep());
        }
        let mut said = 0;
        while !tally.all_idle() || begin.elapsed() < length {
            std::thread::sleep(LOOK);
            if begin.elapsed().as_secs() / 60 > said {
                said += 1;
                say(&summary(&tally, &memory, begin.elapsed(), seed));
            }
            if let Ok(mut memory) = memory.lock() {
                memory.look();
            }
            if let Some(slot) = tally.hanging(HANG) {
                // Its thread will never end, so that nothing can be waited for any more.
                say(&summary(&tally, &memory, begin.elapsed(), seed));
                crate::terminal::complain(&format!("xtask: thread {slot} has not moved for {HANG:?}"));
                std::process::exit(1);
            }
        }
    });
    say(&summary(&tally, &memory, begin.elapsed(), seed));
    let grown = memory.lock().ok().and_then(|memory| memory.growth());
    match (tally.failures(), grown) {
        (0, None) => Ok(()),
        (0, Some(growth)) => Err(growth.into()),
        (failures, _) => Err(format!("{failures} failures, named above").into()),
    }
}

fn summary(tally: &Tally, memory: &Mutex<Memory>, length: Duration, seed: u64) -> String {
    let memory = memory.lock().map(|memory| memory.describe()).unwrap_or_default();
    format!("soak: {:.1} min, seed {seed}: {tally}; {memory}", length.as_secs_f64() / 60.0)
}
