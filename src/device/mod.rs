//! The device: adapters, pipelines, faults and readback. Nothing here knows a loss.

pub(crate) mod adapter;
mod context;
mod fault;
mod injection;
mod kernel_cache;
mod mapping;
mod panics;
mod pipeline;
#[cfg(not(target_arch = "wasm32"))]
mod pipeline_store;
pub(crate) mod profile;
mod readback;
#[cfg(not(target_arch = "wasm32"))]
mod unchecked;
#[cfg(not(target_arch = "wasm32"))]
mod watch;

pub(crate) use context::{Context, LastWords, widest_group};
use fault::check_not_lost;
#[cfg(not(target_arch = "wasm32"))]
use fault::turn;
pub(crate) use fault::{guarded, guarded_now};
#[cfg(feature = "fault-injection")]
pub use injection::Fault;
pub(crate) use kernel_cache::Kernel;
pub(crate) use panics::caught;
pub(crate) use pipeline::assembled;
pub(crate) use readback::{Wait, read};
