//! How fast the losses are here, and how near to a copy: the program's `bench`, where nothing may block.

mod batch;
mod cases;
mod copy;
mod measure;
mod memory;
mod random;
mod tile;
mod timer;

use gpu_loss::GpuLoss;
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use self::cases::cases;
use self::measure::{Row, measure};
use self::timer::Timer;
use crate::gpu::Gpu;
use crate::script::{object, tell, thrown};

#[wasm_bindgen]
impl Gpu {
    /// Measures shapes of so many elements, a few or all. The listener is told which one is next and, once it is
    /// measured, its row as `gpu-loss bench --json` has it; it ends the measurement by returning `false`.
    ///
    /// The page knows the names of adapter and browser; wgpu does not.
    pub async fn bench(
        &self,
        elements: usize,
        all: bool,
        adapter: String,
        driver: String,
        listener: Function,
    ) -> Result<(), JsValue> {
        let timer = Timer::new(&self.gpu).await.map_err(|error| thrown(&error))?;
        let cases = cases(elements, all, self.gpu.device().limits().max_buffer_size);
        for (at, case) in cases.iter().enumerate() {
            let progress =
                object([("progress", (at as f64 / cases.len() as f64).into()), ("next", case.to_string().into())]);
            if !tell(&listener, &progress)? {
                return Ok(());
            }
            let row = measure(&self.gpu, &timer, case).await.map_err(|error| thrown(&error))?;
            let progress = object([
                ("progress", ((at + 1) as f64 / cases.len() as f64).into()),
                ("row", document(&self.gpu, &timer, &row, &adapter, &driver)),
            ]);
            if !tell(&listener, &progress)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A row in the schema of `gpu-loss bench --json`.
fn document(gpu: &GpuLoss, timer: &Timer, row: &Row, adapter: &str, driver: &str) -> JsValue {
    let case = &row.case;
    object([
        ("loss", case.kind.hyphenated().into()),
        ("targets", case.form.name().into()),
        ("rows", case.shape.rows().into()),
        ("classes", case.shape.classes.into()),
        ("dtype", case.dtype.name().into()),
        ("mode", case.mode.name().into()),
        ("strategy", row.strategy.name().into()),
        ("profile", gpu.profile().into()),
        ("backend", gpu.adapter_info().backend.to_string().into()),
        ("adapter", adapter.into()),
        ("driver", driver.into()),
        ("timer", timer.name().into()),
        ("median_ms", row.median_ms.into()),
        ("min_ms", row.min_ms.into()),
        ("bytes", (row.bytes as f64).into()),
        ("gbps", row.gbps().into()),
        ("copy_gbps", row.copy_gbps.into()),
        ("of_copy", (row.gbps() / row.copy_gbps).into()),
    ])
}
