//! Bringing results back: mapping a staging buffer, with a limit on every wait.

use futures_intrusive::channel::shared::channel;

use super::injection::Fault;
use super::mapping::{End, READING};
use super::{Context, check_not_lost, guarded};
use crate::error::{Error, Result};

/// How a submission is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// On this thread.
    #[cfg(not(target_arch = "wasm32"))]
    Here,
    /// On another thread (native) or by the browser, while the future is pending.
    Elsewhere,
}

/// Maps the first `bytes` of `staging` once `submission` is done and hands them to `take`.
pub(crate) async fn read<T>(
    context: &Context,
    staging: &wgpu::Buffer,
    bytes: u64,
    submission: wgpu::SubmissionIndex,
    wait: Wait,
    take: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    let (sender, ended) = channel(2);
    let end = End::new(sender);
    let fault = context.injection.at("mapping");
    if fault == Some(Fault::Destroyed) {
        context.device.destroy();
    }
    let mapped = Unheard(Some(end.clone()));
    guarded(context, READING, || {
        staging.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| {
            let outcome = match fault {
                Some(Fault::Silence) => return std::mem::forget(mapped),
                Some(Fault::Dropped) => return,
                Some(Fault::MappingFails) => Err(mapping_failed()),
                _ => result.map_err(|_| mapping_failed()),
            };
            mapped.tell(outcome);
        });
    })
    .await?;
    wait_for(context, submission, wait, end)?;
    let outcome = ended.receive().await.unwrap_or_else(|| Err(mapping_failed()));
    if let Err(error) = outcome {
        // If the device is lost, that is the reason.
        check_not_lost(context, READING).await?;
        return Err(error);
    }
    // A device that is lost meanwhile destroys what was mapped.
    guarded(context, READING, || {
        let view = staging.slice(..bytes).get_mapped_range();
        let taken = view.map(|view| take(&view));
        staging.unmap();
        taken.map_err(|error| Error::Device { during: READING, message: error.to_string() })
    })
    .await?
}

/// An end that a mapping's callback is to tell.
///
/// wgpu drops callbacks uncalled where a poll of another thread panics between mapping a buffer and saying so. Whether it is
/// mapped is seen when it is read; nobody waits for a word that will not come.
struct Unheard(Option<End>);

impl Unheard {
    fn tell(mut self, outcome: Result<()>) {
        if let Some(end) = self.0.take() {
            end.tell(outcome);
        }
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end.tell(Ok(()));
        }
    }
}

fn mapping_failed() -> Error {
    Error::Device { during: READING, message: "the results could not be mapped".to_owned() }
}

#[cfg(not(target_arch = "wasm32"))]
fn wait_for(context: &Context, submission: wgpu::SubmissionIndex, wait: Wait, end: End) -> Result<()> {
    let watch = super::watch::Watch::new(context, submission, end);
    match wait {
        Wait::Here => watch.keep(),
        Wait::Elsewhere => {
            let started = std::thread::Builder::new().name("gpu-loss wait".to_owned()).spawn(move || watch.keep());
            started
                .map_err(|error| Error::Device { during: READING, message: format!("no thread to wait: {error}") })?;
        }
    }
    Ok(())
}

/// The browser polls by itself, and ends every mapping of a device that it loses.
#[cfg(target_arch = "wasm32")]
fn wait_for(_: &Context, _: wgpu::SubmissionIndex, _: Wait, _: End) -> Result<()> {
    Ok(())
}
