//! Bytes as the arrays of an `.npz` file.
#![no_main]

use gpu_loss_fuzz::{arrays, guard::Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| arrays(bytes));
