//! The same test on every adapter, under every strategy that serves it.

use std::sync::{Mutex, OnceLock, PoisonError};

use gpu_loss::loss::Kind;
use gpu_loss::{GpuLoss, Shape};

use super::{adapters, name};

/// The adapters, opened once for all tests of a file: tests that share them share their kernels, which take longer to
/// build than to run. One test at a time has each, as tests choose strategies.
static SHARED: OnceLock<Vec<Mutex<GpuLoss>>> = OnceLock::new();

/// Says where a test failed.
struct Place(String);

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed on {}", self.0);
        }
    }
}

/// On every adapter, all at once, with the strategy that it chooses by itself.
pub fn on_every_adapter(test: impl Fn(&GpuLoss) + Sync) {
    let shared = SHARED.get_or_init(|| adapters().into_iter().map(Mutex::new).collect());
    std::thread::scope(|scope| {
        for gpu in shared {
            let test = &test;
            scope.spawn(move || {
                let gpu = gpu.lock().unwrap_or_else(PoisonError::into_inner);
                let _place = Place(name(&gpu));
                test(&gpu.with_strategy(None));
            });
        }
    });
}

/// On every adapter, under every strategy that serves this loss on f32 scores of this shape.
pub fn under_every_strategy(kind: Kind, dims: &[usize], test: impl Fn(&GpuLoss) + Sync) {
    let shape = Shape::of(dims).expect("at least two dimensions");
    on_every_adapter(|gpu| {
        for strategy in gpu.strategies(kind, shape) {
            let _place = Place(format!("{} {}", name(gpu), strategy.name()));
            let gpu = &gpu.with_strategy(strategy);
            test(gpu);
        }
    });
}
