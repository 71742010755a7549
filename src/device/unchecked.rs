//! What wgpu offers as unsafe functions alone: the one file of the library with unsafe code.
//!
//! **Vulkan without a look for a Wayland compositor.** wgpu enables the extension `VK_KHR_wayland_surface` in every instance on
//! Linux. It is what has Mesa's device-select layer, which is loaded into every program, ask the compositor which GPU it draws
//! on; and on a machine without a desktop libwayland then prints "error: XDG_RUNTIME_DIR is invalid or not set in the
//! environment", twice for each instance. Nothing is drawn here: where there is no compositor to be asked, the instance is
//! made without the extension.
//!
//! **Pipelines kept in a file**: see `pipeline_store.rs`.

#[cfg(target_os = "linux")]
use std::path::Path;

/// Whether libwayland would complain that it cannot look for a compositor.
#[cfg(target_os = "linux")]
fn would_complain() -> bool {
    let absolute = |name: &str| std::env::var_os(name).is_some_and(|path| Path::new(&path).is_absolute());
    !absolute("XDG_RUNTIME_DIR") && !absolute("WAYLAND_DISPLAY") && std::env::var_os("WAYLAND_SOCKET").is_none()
}

/// An instance of Vulkan alone, where one without the extension is wanted and can be made.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "wgpu has no safe way to leave an extension out")]
pub(super) fn quiet_instance(descriptor: &wgpu::InstanceDescriptor) -> Option<wgpu::Instance> {
    if !would_complain() {
        return None;
    }
    let hal = wgpu::hal::InstanceDescriptor {
        name: "gpu-loss",
        flags: descriptor.flags,
        memory_budget_thresholds: descriptor.memory_budget_thresholds,
        backend_options: descriptor.backend_options.clone(),
        telemetry: None,
        display: None,
    };
    let without = Box::new(|args: wgpu::hal::vulkan::CreateInstanceCallbackArgs<'_, '_, '_>| {
        args.extensions.retain(|name| *name != c"VK_KHR_wayland_surface");
    });
    // SAFETY: the callback takes away one extension that the instance supports, and adds nothing. wgpu-hal asks whether the
    // extension is enabled before it makes a Wayland surface, which is all that it serves; no surface is made here.
    let instance = unsafe { wgpu::hal::vulkan::Instance::init_with_callback(&hal, Some(without)) };
    let instance = instance.map_err(|error| log::debug!("no Vulkan without Wayland: {error}")).ok()?;
    // SAFETY: the instance was made by wgpu-hal itself a moment ago, and belongs to nobody else.
    Some(unsafe { wgpu::Instance::from_hal::<wgpu::hal::api::Vulkan>(instance) })
}

/// A cache of pipelines on a device that has such, with what was kept of another one.
#[expect(unsafe_code, reason = "wgpu trusts the data to be a cache's")]
pub(super) fn pipeline_cache(device: &wgpu::Device, data: Option<&[u8]>) -> wgpu::PipelineCache {
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("gpu-loss pipelines"), data, fallback: true };
    // SAFETY: the data was handed out by such a cache of the same adapter and driver, whose key and checksum are in its file;
    // wgpu looks at its own header too. That nobody else writes to the folder is asked of the caller.
    unsafe { device.create_pipeline_cache(&descriptor) }
}
