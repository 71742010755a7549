//! Faults that tests put in: kernels that compute wrongly, and a device that fails.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A change to a kernel's source, by its name.
type Alteration = Box<dyn Fn(&str, String) -> String + Send + Sync>;

/// Which fault strikes an operation, by what is being done.
type Strikes = Box<dyn Fn(&str) -> Option<Fault> + Send + Sync>;

/// What can be made to happen to an operation of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(not(feature = "fault-injection"), expect(dead_code, unreachable_pub, reason = "made by tests alone"))]
pub enum Fault {
    /// wgpu reports that memory is missing.
    OutOfMemory,
    /// wgpu reports that the driver failed.
    Internal,
    /// wgpu panics.
    Panic,
    /// The device is destroyed right before.
    Destroyed,
    /// The device is destroyed right after.
    DestroyedAfter,
    /// A mapping fails.
    MappingFails,
    /// A mapping's callback never comes.
    Silence,
    /// A mapping's callback is dropped uncalled.
    Dropped,
}

/// The faults put into one device; none unless a test does.
#[derive(Default)]
pub(crate) struct Injection {
    alteration: OnceLock<Alteration>,
    strikes: OnceLock<Strikes>,
    /// Elements that one submission takes at most, in place of what plans hold to; 0 is none.
    submission: AtomicU64,
}

impl std::fmt::Debug for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Injection")
    }
}

impl Injection {
    /// Puts faults into every kernel that is built from now on; the first call counts.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn alter(&self, alteration: Alteration) {
        let _ = self.alteration.set(alteration);
    }

    /// Lets faults strike operations from now on; the first call counts.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn strike(&self, strikes: Strikes) {
        let _ = self.strikes.set(strikes);
    }

    /// Has plans submit in pieces of so many elements.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn cut_submissions(&self, elements: u64) {
        self.submission.store(elements, Ordering::Relaxed);
    }

    /// The elements that one submission takes at most, if a test says so.
    pub(crate) fn submission(&self) -> Option<u64> {
        Some(self.submission.load(Ordering::Relaxed)).filter(|elements| *elements > 0)
    }

    /// A kernel's source as it is to be built.
    pub(crate) fn altered(&self, name: &str, source: String) -> String {
        match self.alteration.get() {
            Some(alteration) => alteration(name, source),
            None => source,
        }
    }

    /// The fault that strikes now.
    pub(crate) fn at(&self, during: &str) -> Option<Fault> {
        self.strikes.get().and_then(|strikes| strikes(during))
    }
}
