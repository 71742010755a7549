//! Which of Burn's devices the losses share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use burn_cubecl::CubeDevice;
use cubecl::device::DeviceId;

use crate::error::Error;
use crate::plan::Gpu;

/// The devices that are shared, by Burn's own number of each.
fn shared() -> MutexGuard<'static, HashMap<DeviceId, Arc<Gpu>>> {
    static SHARED: OnceLock<Mutex<HashMap<DeviceId, Arc<Gpu>>>> = OnceLock::new();
    SHARED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens Burn's default wgpu device, and shares it with the losses. A second call returns the same device.
///
/// Call it first: Burn hands out what the losses need only while it opens a device, which it does once, for the first
/// tensor at the latest.
///
/// ```no_run
/// let device = gpu_loss_burn::device()?.autodiff();
/// # Ok::<(), gpu_loss_burn::Error>(())
/// ```
///
/// # Errors
/// [`Error::Open`] if there is no adapter, or if the device was opened by someone else before.
#[cfg(not(target_family = "wasm"))]
pub fn device() -> Result<Device, Error> {
    // Held throughout, so that of two threads one opens and the other waits.
    static OPENED: Mutex<Option<Device>> = Mutex::new(None);
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = &*opened {
        return Ok(device.clone());
    }
    let (device, setup) = Device::wgpu_options().init_with_setup()?;
    share(&device, &setup)?;
    *opened = Some(device.clone());
    Ok(device)
}

/// As [`device`](device()), where blocking is not possible: in a browser. Call it once.
///
/// # Errors
/// As [`device`](device()).
pub async fn device_async() -> Result<Device, Error> {
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await?;
    share(&device, &setup)?;
    Ok(device)
}

/// Shares a device with the losses: one that you opened by
/// [`Device::wgpu_options`]`().….init_with_setup()`, or that Burn shares with your own renderer by `.setup(…).init()`.
///
/// ```no_run
/// use burn::tensor::{Device, DeviceKind};
/// let (device, setup) = Device::wgpu_options().device_kind(DeviceKind::IntegratedGpu(0)).init_with_setup()?;
/// gpu_loss_burn::share(&device, &setup)?;
/// # Ok::<(), gpu_loss_burn::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotWgpu`], or a limit of the device that is too small.
pub fn share(device: &Device, setup: &WgpuSetup) -> Result<(), Error> {
    let cube = cube(device)
        .filter(|cube| matches!(cube, CubeDevice::Wgpu(_)))
        .ok_or_else(|| Error::NotWgpu { device: format!("{device:?}") })?;
    let gpu = Gpu::new(&setup.adapter, setup.device.clone(), setup.queue.clone())?;
    shared().insert(cube.to_id(), Arc::new(gpu));
    Ok(())
}

/// Lets go of a device: later losses on it are Burn's own composition. Returns whether it was shared.
pub fn unshare(device: &Device) -> bool {
    cube(device).is_some_and(|cube| shared().remove(&cube.to_id()).is_some())
}

/// Whether losses on this device are fused ones.
#[must_use]
pub fn is_shared(device: &Device) -> bool {
    gpu_of(device).is_some()
}

/// Waits for the device's work, and tells what went wrong in the losses since the last check: labels that name no class
/// (their rows' losses are NaN, their gradients 0), probabilities outside [0, 1], and failures of the device.
///
/// Burn's operations cannot return errors, so ask now and then, off the hot path: after each epoch, say.
///
/// # Errors
/// What went wrong, with the first row and how many; [`Error::NotShared`].
#[cfg(not(target_family = "wasm"))]
pub fn check(device: &Device) -> Result<(), Error> {
    let gpu = gpu_of(device).ok_or_else(|| Error::NotShared { device: format!("{device:?}") })?;
    device.sync().map_err(|error| Error::Device { message: error.to_string() })?;
    gpu.check()
}

/// Makes ready for the plain cross-entropy of f32 logits of this shape: kernels are tested on this driver and built, which
/// takes a moment at their first use otherwise. Other losses: [`CrossEntropyLoss::warm_up`](crate::CrossEntropyLoss::warm_up).
///
/// # Errors
/// [`Error::NotShared`], or what the device cannot do.
pub fn warm_up(device: &Device, rows: usize, classes: usize) -> Result<(), Error> {
    if !is_shared(device) {
        return Err(Error::NotShared { device: format!("{device:?}") });
    }
    crate::CrossEntropyLossConfig::new().try_init(device)?.warm_up(device, &[rows, classes], burn::tensor::DType::F32)
}

pub(crate) fn gpu_of(device: &Device) -> Option<Arc<Gpu>> {
    gpu_of_cube(&cube(device)?)
}

pub(crate) fn gpu_of_cube(device: &CubeDevice) -> Option<Arc<Gpu>> {
    if !matches!(device, CubeDevice::Wgpu(_)) {
        return None;
    }
    shared().get(&device.to_id()).cloned()
}

fn cube(device: &Device) -> Option<CubeDevice> {
    match device.clone().without_autodiff().as_dispatch() {
        DispatchDevice::Cube(cube) => Some(cube.clone()),
        #[allow(unreachable_patterns, reason = "with no other backend compiled in, there is no other device")]
        _ => None,
    }
}
