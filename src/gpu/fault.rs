//! Turning the device's errors, and wgpu's panics, into this crate's errors.

use super::Context;
use crate::error::{Error, Result};

/// Runs `work` inside error scopes: a validation error, an internal one or missing memory comes back as an error
/// instead of going to the device's uncaptured-error handler.
pub(crate) async fn guarded<T>(context: &Context, during: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    context.check_alive()?;
    // Scopes are guards of this thread: they are popped before anything is awaited.
    let (value, errors) = {
        let memory = context.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = context.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = context.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let value = caught(during, work);
        (value, (validation.pop(), internal.pop(), memory.pop()))
    };
    if let Some(error) = [errors.0.await, errors.1.await, errors.2.await].into_iter().flatten().next() {
        let error = describe(error, during);
        if matches!(error, Error::DeviceLost { .. }) {
            context.note_loss(&error.to_string());
        }
        return Err(error);
    }
    value
}

fn describe(error: wgpu::Error, during: &'static str) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory { during },
        other => {
            // The whole chain of causes on one line.
            let mut message = String::new();
            let mut cause: Option<&dyn std::error::Error> = Some(&other);
            while let Some(error) = cause {
                let text = error.to_string();
                if !message.contains(text.trim()) {
                    message = if message.is_empty() { text } else { format!("{message}: {text}") };
                }
                cause = error.source();
            }
            let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
            if message.to_lowercase().contains("device is lost") || message.contains("Parent device is lost") {
                Error::DeviceLost { reason: message }
            } else {
                Error::Device { during, message }
            }
        }
    }
}

/// Runs `work`, turning a panic inside wgpu (a wait that meets a lost device, say) into an error.
pub(crate) fn caught<T>(during: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "a panic without words".to_owned());
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if message.to_lowercase().contains("lost") {
            Error::DeviceLost { reason: message }
        } else {
            Error::Device { during, message }
        }
    })
}
