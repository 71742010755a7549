//! Bringing results back: mapping a staging buffer, with a limit on every wait.

use std::time::Duration;

use super::{Context, caught};
use crate::error::{Error, Result};

/// How a submission is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// On this thread.
    Here,
    /// On another thread (native) or by the browser, while the future is pending.
    Elsewhere,
}

/// No batch may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// Maps the first `bytes` of `staging` once `submission` is done and hands them to `take`.
pub(crate) async fn read<T>(
    context: &Context,
    staging: &wgpu::Buffer,
    bytes: u64,
    submission: wgpu::SubmissionIndex,
    wait: Wait,
    take: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    const DURING: &str = "reading results back";
    let (sender, receiver) = futures_intrusive::channel::shared::oneshot_channel();
    caught(DURING, || {
        staging.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| {
            let _ = sender.send(result);
        });
    })?;
    wait_for(context, submission, wait)?;
    let mapped = receiver.receive().await.ok_or_else(|| lost(context, "the mapping was dropped".to_owned()))?;
    mapped.map_err(|error| lost(context, format!("mapping failed: {error}")))?;
    let taken = caught(DURING, || {
        let view = staging.slice(..bytes).get_mapped_range();
        view.map(|view| take(&view)).map_err(|error| Error::Device { during: DURING, message: error.to_string() })
    })??;
    staging.unmap();
    Ok(taken)
}

fn lost(context: &Context, reason: String) -> Error {
    context.note_loss(&reason);
    Error::DeviceLost { reason }
}

#[cfg(not(target_arch = "wasm32"))]
fn wait_for(context: &Context, submission: wgpu::SubmissionIndex, wait: Wait) -> Result<()> {
    let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(LIMIT) };
    match wait {
        Wait::Here => match caught("waiting for the device", || context.device.poll(poll)) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) => {
                Err(Error::Timeout { during: "waiting for the device", seconds: LIMIT.as_secs() })
            }
            Ok(Err(error)) => Err(Error::Device { during: "waiting for the device", message: error.to_string() }),
            Err(error) => {
                context.note_loss(&error.to_string());
                Err(Error::DeviceLost { reason: error.to_string() })
            }
        },
        Wait::Elsewhere => {
            let device = context.device.clone();
            // The mapping's callback, called from that thread, wakes the future; if the wait fails, the callback is
            // dropped, which the receiver sees.
            std::thread::spawn(move || {
                let _ = caught("waiting for the device", || device.poll(poll));
            });
            Ok(())
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn wait_for(_: &Context, _: wgpu::SubmissionIndex, _: Wait) -> Result<()> {
    let _ = LIMIT;
    Ok(())
}
