//! Turning the device's errors and its loss into this crate's errors.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Context;
use super::injection::Fault;
use super::panics::{caught, on_one_line};
use crate::error::{Error, Result};

/// Runs `work` inside error scopes: a validation error, an internal one or missing memory comes back as an error
/// instead of going to the device's uncaptured-error handler, and so does the loss of the device.
pub(crate) async fn guarded<T>(context: &Context, during: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    context.check_alive()?;
    let fault = context.injection.at(during);
    if fault == Some(Fault::Destroyed) {
        context.device.destroy();
    }
    // Scopes are guards of this thread: they are popped before anything is awaited.
    let (value, errors) = {
        let _turn = turn(context.info.backend);
        let memory = context.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = context.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = context.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let value = caught(during, || {
            assert!(fault != Some(Fault::Panic), "a panic that a test put in");
            work()
        });
        (value, [validation.pop(), internal.pop(), memory.pop()])
    };
    let mut reported = match fault {
        Some(Fault::OutOfMemory) => Some(wgpu::Error::OutOfMemory { source: "a test put it in".into() }),
        Some(Fault::Internal) => {
            let description = "a test put it in".to_owned();
            Some(wgpu::Error::Internal { source: description.clone().into(), description })
        }
        _ => None,
    };
    for error in errors {
        reported = error.await.or(reported);
    }
    if fault == Some(Fault::DestroyedAfter) {
        context.device.destroy();
    }
    // A lost device's objects are invalid: whatever else is reported follows from that.
    check_not_lost(context, during).await?;
    match reported {
        Some(error) => Err(describe(error, during)),
        None => value,
    }
}

/// As [`guarded`], for calls that cannot wait: natively, error scopes answer at once.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn guarded_now<T>(context: &Context, during: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    pollster::block_on(guarded(context, during, work))
}

/// As [`guarded`], for calls that cannot wait: the browser's error scopes answer later, so that its errors go where
/// the device's uncaptured ones go.
#[cfg(target_arch = "wasm32")]
pub(crate) fn guarded_now<T>(context: &Context, _: &'static str, work: impl FnOnce() -> T) -> Result<T> {
    context.check_alive()?;
    Ok(work())
}

/// Refuses if the device is lost, and remembers it.
///
/// WebGPU has a lost device take every call and report no error; only a callback tells, and on a shared device that is
/// the caller's. So the device is asked for what it must refuse: silence means that it is lost.
pub(super) async fn check_not_lost(context: &Context, during: &'static str) -> Result<()> {
    let refused = {
        let scope = context.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = caught(during, || {
            context.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("gpu-loss: is the device lost?"),
                size: 4,
                usage: wgpu::BufferUsages::empty(),
                mapped_at_creation: false,
            })
        });
        made.map(|_| scope.pop())
    }?;
    if refused.await.is_some() {
        return Ok(());
    }
    // A device that was destroyed says so once it is polled.
    let _ = caught(during, || {
        let _turn = turn(context.info.backend);
        context.device.poll(wgpu::PollType::Poll)
    });
    Err(context.note_loss(during))
}

/// A thread's turn on GL.
pub(super) struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

thread_local! {
    static HAS_TURN: Cell<bool> = const { Cell::new(false) };
}

impl Drop for Turn {
    fn drop(&mut self) {
        HAS_TURN.set(false);
    }
}

/// Held while wgpu works for this crate on GL. A thread whose turn it is keeps it in guarded work within guarded work.
///
/// GL has one context for all threads, and wgpu panics where a thread waits for it longer than 6 s (1 s on Windows), as
/// one may while another builds a kernel on a busy machine.
pub(super) fn turn(backend: wgpu::Backend) -> Option<Turn> {
    static TURN: Mutex<()> = Mutex::new(());
    (backend == wgpu::Backend::Gl && !HAS_TURN.get()).then(|| {
        let turn = Turn(TURN.lock().unwrap_or_else(PoisonError::into_inner));
        HAS_TURN.set(true);
        turn
    })
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
            Error::Device { during, message: on_one_line(&message) }
        }
    }
}
