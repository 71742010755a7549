//! Bytes as a batch and a loss.
#![no_main]

use gpu_loss_fuzz::{batch, guard::Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| batch(bytes));
