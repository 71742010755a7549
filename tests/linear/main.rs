//! The linear layer and its loss in one: against float64 and PyTorch, in chunks of any size, on every adapter.

mod bits;
mod buffers;
mod common;
mod evaluation;
mod memory;
#[path = "../common/mod.rs"]
mod parts;
mod pytorch;
mod random;
mod refused;
mod time;
