//! The browser's GPU.

use std::rc::Rc;

use futures_intrusive::channel::shared::oneshot_channel;
use gpu_loss::{GpuLoss, wgpu};
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::script::thrown;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Puts a panic's words on the console: without them a browser says "unreachable".
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
}

/// A device of the browser.
#[wasm_bindgen]
pub struct Gpu {
    pub(crate) gpu: Rc<GpuLoss>,
}

#[wasm_bindgen]
impl Gpu {
    /// Opens the browser's adapter.
    pub async fn open() -> Result<Gpu, JsValue> {
        // Every view holds what it shows against the reference: a test before it would only make visitors wait.
        let gpu = GpuLoss::builder().self_test(false).open_async().await.map_err(|error| thrown(&error))?;
        Ok(Gpu { gpu: Rc::new(gpu) })
    }

    /// Whether this is a processor that plays a GPU.
    #[wasm_bindgen(getter)]
    pub fn software(&self) -> bool {
        self.gpu.adapter_info().device_type == wgpu::DeviceType::Cpu
    }

    /// Calls a function with the browser's reason once the device is lost.
    pub fn on_lost(&self, listener: Function) {
        let (sender, receiver) = oneshot_channel();
        self.gpu.device().set_device_lost_callback(move |_, reason| {
            // Only the first time counts.
            let _ = sender.send(reason);
        });
        wasm_bindgen_futures::spawn_local(async move {
            if let Some(reason) = receiver.receive().await {
                // What the listener throws is on the console already.
                let _ = listener.call1(&JsValue::NULL, &reason.into());
            }
        });
    }
}
