//! Faults that tests put in: kernels that compute wrongly, and a device that fails.

use std::sync::OnceLock;

/// A change to a kernel's source, by its name.
type Alteration = Box<dyn Fn(&str, String) -> String + Send + Sync>;

/// Which fault strikes an operation, by what is being done.
type Strikes = Box<dyn Fn(&str) -> Option<Fault> + Send + Sync>;

/// What can be made to happen to an operation of the device.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// The faults put into one device; none unless a test does.
#[derive(Default)]
pub(crate) struct Injection {
    alteration: OnceLock<Alteration>,
    strikes: OnceLock<Strikes>,
}

impl std::fmt::Debug for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Injection")
    }
}

impl Injection {
    /// Puts faults into every kernel that is built from now on; the first call counts.
    pub(crate) fn alter(&self, alteration: Alteration) {
        let _ = self.alteration.set(alteration);
    }

    /// Lets faults strike operations from now on; the first call counts.
    pub(crate) fn strike(&self, strikes: Strikes) {
        let _ = self.strikes.set(strikes);
    }

    /// A kernel's source as it is to be built.
    pub(crate) fn altered(&self, name: &str, source: String) -> String {
        match self.alteration.get() {
            Some(alteration) => alteration(name, source),
            None => source,
        }
    }

    /// The fault that strikes now.
    pub(super) fn at(&self, during: &str) -> Option<Fault> {
        self.strikes.get().and_then(|strikes| strikes(during))
    }
}
