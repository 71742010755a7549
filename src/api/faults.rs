//! Faults that tests put in, behind the feature `fault-injection`.

use std::time::Duration;

use super::GpuLoss;
use crate::device::Fault;

impl GpuLoss {
    /// Alters every kernel's WGSL before it is built: faults for tests. The function takes the kernel's name and source.
    pub fn alter_kernels(&self, alteration: impl Fn(&str, String) -> String + Send + Sync + 'static) {
        self.self_test.stand_alone();
        self.context.injection.alter(Box::new(alteration));
    }

    /// Lets faults strike operations of the device, by what is being done: faults for tests.
    pub fn strike(&self, strikes: impl Fn(&str) -> Option<Fault> + Send + Sync + 'static) {
        self.context.injection.strike(Box::new(strikes));
    }

    /// How many kernels were built and are kept: for tests of what a first call costs.
    #[must_use]
    pub fn kernels(&self) -> usize {
        self.context.kernels.len()
    }

    /// Has plans submit in pieces of so many elements, as large batches are: for tests.
    pub fn cut_submissions(&self, elements: u64) {
        self.context.injection.cut_submissions(elements);
    }

    /// Sets how long calls wait for the device from now on, on every handle: for tests that let it fall silent.
    pub fn set_time_limit(&self, limit: Duration) {
        self.context.set_time_limit(limit);
    }
}
