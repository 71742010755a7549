//! Bugs that other libraries had, each by its project and number: none of them here, on any adapter, under any strategy.
//!
//! Each test was seen to fail with the bug built into this crate, unless it says so; its comment says what was changed for that.

#[path = "../common/mod.rs"]
mod common;

mod beside;
mod buffers;
mod close;
mod device;
mod first_call;
mod labels;
mod lists;
mod memory;
mod numbers;
mod opening;
mod options;
mod precision;
mod sizes;
mod tasks;
