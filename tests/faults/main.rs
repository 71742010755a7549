//! Devices that fail: each fault is a typed error with the cause in it, nothing hangs, nothing panics, and a new
//! `GpuLoss` works in the same process. Every test runs on every adapter.

#[path = "../common/mod.rs"]
mod common;

mod kernels;
mod limits;
mod lost;
mod memory;
mod waits;

use std::sync::atomic::{AtomicBool, Ordering};

use common::values::near;
use gpu_loss::builder::AdapterFilter;
use gpu_loss::fault::Fault;
use gpu_loss::{Batch, Error, GpuLoss, Output, Result};
use ndarray::{Array2, Ix2};

/// A front door of its own on each adapter: what a test does to it harms no other.
fn on_every_adapter(test: impl Fn(&GpuLoss)) {
    let adapters = GpuLoss::adapters(&AdapterFilter::default());
    assert!(
        !adapters.is_empty(),
        "no GPU adapter found: `cargo xtask test` installs a software one, and runs the tests"
    );
    for adapter in &adapters {
        let gpu = GpuLoss::on_adapter(adapter).expect("opens");
        let gpu = &gpu.with_self_test(false);
        eprintln!("on {}", common::name(gpu));
        test(gpu);
    }
}

/// Lets a fault strike the first time that this is done from now on.
fn strike_once(gpu: &GpuLoss, when: &'static str, fault: Fault) {
    let struck = AtomicBool::new(false);
    gpu.strike(move |during| (during == when && !struck.swap(true, Ordering::Relaxed)).then_some(fault));
}

/// A batch of 3 rows whose loss is ln 4.
fn run(gpu: &GpuLoss) -> Result<Output<f32, Ix2>> {
    let scores = Array2::<f32>::zeros((3, 4));
    gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64, 1, 2]))
}

fn serves(gpu: &GpuLoss) {
    near(run(gpu).expect("it serves").loss, 4.0_f64.ln());
}

/// What a lost device answers to everything; a new one on the same adapter works.
fn refuses_from_now_on(gpu: &GpuLoss, error: &Error) {
    let Error::DeviceLost { reason } = error else { panic!("expected the loss of the device: {error}") };
    assert!(!reason.is_empty());
    for _ in 0..3 {
        assert_eq!(run(gpu).expect_err("lost").to_string(), error.to_string(), "the same cause, every time");
    }
    let adapters = GpuLoss::adapters(&AdapterFilter::default());
    let info = gpu.adapter_info();
    let adapter = adapters.iter().find(|adapter| adapter.get_info() == *info).expect("the same adapter");
    serves(&GpuLoss::on_adapter(adapter).expect("a new device in the same process"));
}
