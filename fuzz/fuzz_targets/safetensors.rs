//! Bytes as a `.safetensors` file.
#![no_main]

use gpu_loss_cli::hostile::Format;
use gpu_loss_fuzz::{file, guard::Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| file(Format::Safetensors, bytes));
