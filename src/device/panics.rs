//! Turning wgpu's panics into this crate's errors.

use std::cell::Cell;
use std::sync::Once;

use crate::error::{Error, Result};

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the words of panics that become errors off the standard error stream. All others go to the hook that was there.
fn quiet_where_caught() {
    static SET: Once = Once::new();
    // Where panics end the program, their words are the last that is heard of it. In a thread that panics no hook can be
    // set: another call will.
    if cfg!(any(target_arch = "wasm32", panic = "abort")) || SET.is_completed() || std::thread::panicking() {
        return;
    }
    SET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A thread that ends has no such variable any more.
            if !IS_CAUGHT.try_with(Cell::get).unwrap_or(false) {
                before(panic);
            }
        }));
    });
}

/// Runs `work`, turning a panic inside wgpu (a wait that meets a lost device, say) into an error.
pub(crate) fn caught<T>(during: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    quiet_where_caught();
    let was_caught = IS_CAUGHT.replace(true);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    IS_CAUGHT.set(was_caught);
    result.map_err(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "a panic without words".to_owned());
        Error::Device { during, message: on_one_line(&message) }
    })
}

/// A message without the line breaks of who wrote it.
pub(super) fn on_one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
