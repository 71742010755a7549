//! How the end of a mapping is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_intrusive::channel::shared::Sender;

use crate::error::Result;

/// What is being done meanwhile, for errors.
pub(super) const READING: &str = "reading results back";

/// Where it is told how a mapping ended: by its callback, or by the watch that gives up. The first word counts.
#[derive(Debug, Clone)]
pub(super) struct End {
    told: Arc<AtomicBool>,
    sender: Sender<Result<()>>,
}

impl End {
    pub(super) fn new(sender: Sender<Result<()>>) -> Self {
        End { told: Arc::default(), sender }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    pub(super) fn tell(&self, outcome: Result<()>) {
        self.told.store(true, Ordering::Release);
        // There is room for both; nobody may be listening any more.
        let _ = self.sender.try_send(outcome);
    }
}
