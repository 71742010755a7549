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
    // SAFETY: the callback changes nothing else, and adds nothing that the instance does not support. wgpu-hal asks that no
    // extension be taken away, since its code may count on those that it enables. On this one it does not: it keeps the
    // list that the callback left, and what looks into it for `VK_KHR_wayland_surface` is `create_surface_from_wayland`
    // alone, which returns an error where the extension is not in it, as on drivers without it (wgpu-hal 30,
    // `src/vulkan/instance.rs`). Vulkan's own rule is that no function of an extension be called that is not enabled, and
    // surfaces of Wayland have no other caller. No surface is made here either.
    let instance = unsafe { wgpu::hal::vulkan::Instance::init_with_callback(&hal, Some(without)) };
    let instance = instance.map_err(|error| log::debug!("no Vulkan without Wayland: {error}")).ok()?;
    // SAFETY: wgpu-hal made the instance a moment ago, so it is a valid one of Vulkan. It is moved in, and no handle of it
    // is kept: wgpu alone uses it, and destroys it.
    Some(unsafe { wgpu::Instance::from_hal::<wgpu::hal::api::Vulkan>(instance) })
}

/// A cache of pipelines on a device that has such, with what was kept of another one.
#[expect(unsafe_code, reason = "wgpu trusts the data to be a cache's")]
pub(super) fn pipeline_cache(device: &wgpu::Device, data: Option<&[u8]>) -> wgpu::PipelineCache {
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("gpu-loss pipelines"), data, fallback: true };
    // SAFETY: wgpu asks that the data come from `PipelineCache::get_data`, and admits that nobody can prove this of a file.
    // `PipelineStore` writes nothing else to it, and reads no file that lacks its heading (this crate's version, adapter,
    // driver) or whose checksum does not fit, so damage by accident is found; wgpu compares its own header, with the
    // driver's cache identifier, besides. That nobody hostile may write to the folder is asked of who names it
    // (`Builder::pipeline_cache`, SECURITY.md).
    unsafe { device.create_pipeline_cache(&descriptor) }
}
