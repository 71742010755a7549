//! What was done, and what went wrong.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::terminal::complain;

/// Counts of all threads.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) steps: AtomicU64,
    pub(super) elements: AtomicU64,
    pub(super) mismatches: AtomicU64,
    /// Other failures: errors that nothing explains, objects left alive.
    pub(super) faults: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) injected: AtomicU64,
    pub(super) recovered: AtomicU64,
    /// Objects that outlived all that used their device.
    pub(super) left: AtomicU64,
    begin: Instant,
    /// When each thread last moved, in milliseconds; [`IDLE`] while it does nothing.
    beats: Vec<AtomicU64>,
}

const IDLE: u64 = u64::MAX;

impl Tally {
    pub(super) fn new(threads: usize) -> Self {
        Tally {
            steps: AtomicU64::default(),
            elements: AtomicU64::default(),
            mismatches: AtomicU64::default(),
            faults: AtomicU64::default(),
            dropped: AtomicU64::default(),
            injected: AtomicU64::default(),
            recovered: AtomicU64::default(),
            left: AtomicU64::default(),
            begin: Instant::now(),
            beats: (0..threads).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_millis() as u64
    }

    /// A thread moves.
    pub(super) fn beat(&self, slot: usize) {
        self.beats[slot].store(self.now(), Ordering::Relaxed);
    }

    /// A thread has nothing to do, or waits for others that are watched themselves.
    pub(super) fn rest(&self, slot: usize) {
        self.beats[slot].store(IDLE, Ordering::Relaxed);
    }

    pub(super) fn all_idle(&self) -> bool {
        self.beats.iter().all(|beat| beat.load(Ordering::Relaxed) == IDLE)
    }

    /// A thread that has not moved for longer than that.
    pub(super) fn hanging(&self, limit: Duration) -> Option<usize> {
        let oldest = self.now().saturating_sub(limit.as_millis() as u64);
        self.beats.iter().position(|beat| beat.load(Ordering::Relaxed) < oldest)
    }

    /// A result that breaks the promise.
    pub(super) fn mismatch(&self, what: &str) {
        add(&self.mismatches, 1);
        complain(&format!("mismatch: {what}"));
    }

    /// Anything else that should not be.
    pub(super) fn fault(&self, what: &str) {
        add(&self.faults, 1);
        complain(&format!("fault: {what}"));
    }

    pub(super) fn failures(&self) -> u64 {
        let unrecovered = get(&self.injected).saturating_sub(get(&self.recovered));
        get(&self.mismatches) + get(&self.faults) + unrecovered
    }
}

pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps, {} elements checked, {} mismatches, {} other faults, {} dropped in flight, {} losses injected, \
             {} recovered, {} objects left alive",
            get(&self.steps),
            get(&self.elements),
            get(&self.mismatches),
            get(&self.faults),
            get(&self.dropped),
            get(&self.injected),
            get(&self.recovered),
            get(&self.left)
        )
    }
}
