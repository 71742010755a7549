//! Values as scripts have them.

use gpu_loss::Error;
use js_sys::{Function, Object, Reflect};
use wasm_bindgen::JsValue;

/// A script's object with these properties.
pub(crate) fn object<const N: usize>(properties: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in properties {
        // A new object takes any property.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object.into()
}

/// Tells a script something; whether it wants to hear more. What the script throws goes on to its caller.
pub(crate) fn tell(listener: &Function, what: &JsValue) -> Result<bool, JsValue> {
    Ok(listener.call1(&JsValue::NULL, what)? != JsValue::FALSE)
}

/// An error for scripts to throw; its name tells the page which of its states it is.
pub(crate) fn thrown(error: &Error) -> JsValue {
    let thrown = js_sys::Error::new(&error.to_string());
    thrown.set_name(match error {
        Error::NoAdapter { .. } => "NoAdapter",
        Error::DeviceLost { .. } => "DeviceLost",
        Error::OutOfMemory { .. } => "OutOfMemory",
        _ => "GpuLossError",
    });
    thrown.into()
}
