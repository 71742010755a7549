//! Vulkan without a look for a Wayland compositor.
//!
//! wgpu enables the extension `VK_KHR_wayland_surface` in every instance on Linux. It is what has Mesa's device-select layer,
//! which is loaded into every program, ask the compositor which GPU it draws on; and on a machine without a desktop
//! libwayland then prints "error: XDG_RUNTIME_DIR is invalid or not set in the environment", twice for each instance. Nothing
//! is drawn here: where there is no compositor to be asked, the instance is made without the extension.
//!
//! The one file of the library with unsafe code: wgpu has no safe way to leave an extension out.

use std::path::Path;

/// Whether libwayland would complain that it cannot look for a compositor.
fn would_complain() -> bool {
    let absolute = |name: &str| std::env::var_os(name).is_some_and(|path| Path::new(&path).is_absolute());
    !absolute("XDG_RUNTIME_DIR") && !absolute("WAYLAND_DISPLAY") && std::env::var_os("WAYLAND_SOCKET").is_none()
}

/// An instance of Vulkan alone, where one without the extension is wanted and can be made.
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
