//! The device: adapters, pipelines, faults and readback. Nothing here knows a loss.

pub(crate) mod adapter;
mod context;
mod fault;
mod pipeline;
mod readback;

pub(crate) use context::Context;
pub(crate) use fault::{caught, guarded};
pub(crate) use pipeline::{Kernel, KernelKey};
pub(crate) use readback::{Wait, read};
