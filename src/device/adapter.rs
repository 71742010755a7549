//! Finding adapters, and opening a device with all that the losses can use.

use std::ffi::OsString;
use std::sync::Arc;

#[cfg(not(target_arch = "wasm32"))]
use super::{Context, turn};
use super::{LastWords, caught};
use crate::error::{Error, Result};

/// Which adapters to consider. `Default` reads `WGPU_BACKEND` and `WGPU_ADAPTER_NAME`, of which empty ones are unset; where
/// `WGPU_BACKEND` names a backend that there is not, it admits none, and opening an adapter says so.
#[derive(Debug, Clone)]
pub struct AdapterFilter {
    /// The backends to search.
    pub backends: wgpu::Backends,
    /// A part of the adapter's name, in any case.
    pub name: Option<String>,
}

impl Default for AdapterFilter {
    fn default() -> Self {
        AdapterFilter {
            backends: backends_of(std::env::var_os(BACKEND)).unwrap_or(wgpu::Backends::empty()),
            name: std::env::var("WGPU_ADAPTER_NAME").ok().filter(|n| !n.is_empty()),
        }
    }
}

/// The variable that names backends.
const BACKEND: &str = "WGPU_BACKEND";

/// The backends that a list of names admits: all of them without one.
fn backends_of(names: Option<OsString>) -> Result<wgpu::Backends> {
    let names = match &names {
        None => "",
        Some(names) => names.to_str().unwrap_or("\u{fffd}"),
    };
    if names.trim().is_empty() {
        return Ok(wgpu::Backends::PRIMARY | wgpu::Backends::GL);
    }
    let mut backends = wgpu::Backends::empty();
    for name in names.split(',') {
        backends |= match name.trim().to_lowercase().as_str() {
            "vulkan" | "vk" => wgpu::Backends::VULKAN,
            "dx12" | "d3d12" => wgpu::Backends::DX12,
            "metal" | "mtl" => wgpu::Backends::METAL,
            "opengl" | "gles" | "gl" => wgpu::Backends::GL,
            "webgpu" => wgpu::Backends::BROWSER_WEBGPU,
            _ => {
                let got = names.to_owned();
                return Err(Error::Option { option: BACKEND, got, expected: "vulkan, metal, dx12, gl or webgpu" });
            }
        };
    }
    Ok(backends)
}

impl AdapterFilter {
    fn describe(&self) -> String {
        let name = self.name.as_ref().map(|n| format!(", named like \"{n}\"")).unwrap_or_default();
        if self.backends.contains(wgpu::Backends::PRIMARY | wgpu::Backends::GL) {
            return format!("on any backend{name}");
        }
        let backends: Vec<String> = self.backends.iter_names().map(|(name, _)| name.to_lowercase()).collect();
        format!("on {}{name}", if backends.is_empty() { "no backend".into() } else { backends.join(", ") })
    }
}

/// The adapters that a filter admits and that can run compute shaders, best first: discrete, integrated and virtual
/// GPUs before software, Vulkan, Metal and DX12 before GL; `WGPU_POWER_PREF=low` puts integrated ones first.
pub(crate) async fn find(filter: &AdapterFilter) -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = filter.backends;
    let mut adapters = Vec::new();
    #[cfg(target_os = "linux")]
    if filter.backends.contains(wgpu::Backends::VULKAN)
        && let Some(instance) = super::unchecked::quiet_instance(&descriptor)
    {
        adapters = instance.enumerate_adapters(wgpu::Backends::VULKAN).await;
        descriptor.backends -= wgpu::Backends::VULKAN;
    }
    if !descriptor.backends.is_empty() {
        let backends = descriptor.backends;
        adapters.extend(wgpu::Instance::new(descriptor).enumerate_adapters(backends).await);
    }
    adapters.retain(|adapter| {
        let wanted = filter.name.as_ref().is_none_or(|name| {
            let info = adapter.get_info();
            info.name.to_lowercase().contains(&name.to_lowercase())
        });
        let computes = adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS);
        wanted && computes && adapter.get_info().backend != wgpu::Backend::Noop
    });
    let thrifty = std::env::var("WGPU_POWER_PREF").is_ok_and(|p| p.eq_ignore_ascii_case("low"));
    adapters.sort_by_key(|adapter| {
        let info = adapter.get_info();
        let device = match (info.device_type, thrifty) {
            (wgpu::DeviceType::IntegratedGpu, true) => 0,
            (wgpu::DeviceType::DiscreteGpu, _) => 1,
            (wgpu::DeviceType::IntegratedGpu, false) => 2,
            (wgpu::DeviceType::VirtualGpu, _) => 3,
            (wgpu::DeviceType::Other, _) => 4,
            (wgpu::DeviceType::Cpu, _) => 5,
        };
        (device, info.backend == wgpu::Backend::Gl)
    });
    adapters
}

/// The best adapter that a filter admits.
pub(crate) async fn best(filter: &AdapterFilter) -> Result<wgpu::Adapter> {
    if filter.backends.is_empty() {
        backends_of(std::env::var_os(BACKEND))?;
    }
    match find(filter).await.into_iter().next() {
        Some(adapter) => Ok(adapter),
        None => Err(Error::NoAdapter { searched: filter.describe(), advice: advice(filter).await }),
    }
}

/// What to do where a filter admits no adapter: those that there are, and what to install unless a name alone is wrong.
async fn advice(filter: &AdapterFilter) -> String {
    let everything = AdapterFilter { backends: wgpu::Backends::PRIMARY | wgpu::Backends::GL, name: None };
    let others = find(&everything).await;
    let described = |adapter: &wgpu::Adapter| {
        let info = adapter.get_info();
        format!("{} [{}]", info.name, info.backend)
    };
    let listed = others.iter().map(described).collect::<Vec<_>>().join(", ");
    let is_name_wrong = others.iter().any(|adapter| filter.backends.contains(adapter.get_info().backend.into()));
    match (listed.is_empty(), is_name_wrong) {
        (true, _) => what_to_install().to_owned(),
        (false, true) => format!("there are {listed}"),
        (false, false) => format!("there are {listed}; else {}", what_to_install()),
    }
}

fn what_to_install() -> &'static str {
    if cfg!(target_os = "linux") {
        "install a Vulkan driver; a software one is in the package mesa-vulkan-drivers (Debian, Ubuntu, Fedora) or \
         vulkan-swrast (Arch)"
    } else {
        "install or update the graphics driver"
    }
}

/// The features that the losses use where an adapter has them; none is required.
///
/// Integers of 64 bits serve the wide loads of `profile/llvmpipe.rs` alone; a GPU loads 16 bytes at once anyway.
pub(crate) fn useful_features() -> wgpu::Features {
    wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::SHADER_INT64
        | wgpu::Features::PIPELINE_CACHE
}

/// What a device on this adapter should be asked for: every useful feature, and the adapter's own limits.
pub(crate) fn wanted(adapter: &wgpu::Adapter) -> (wgpu::Features, wgpu::Limits) {
    (adapter.features() & useful_features(), adapter.limits())
}

/// Refuses a device that cannot run the plainest kernels, and names what it lacks.
pub(crate) fn check_limits(adapter: &wgpu::Adapter, device: &wgpu::Device) -> Result<()> {
    if !adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS) {
        let message = format!("{} runs no compute shaders", adapter.get_info().name);
        return Err(Error::Device { during: "taking over a device", message });
    }
    let has = device.limits();
    let needs = [
        ("max_storage_buffers_per_shader_stage", u64::from(has.max_storage_buffers_per_shader_stage), 6),
        ("max_storage_buffer_binding_size", has.max_storage_buffer_binding_size, 1 << 16),
        ("max_compute_workgroup_storage_size", u64::from(has.max_compute_workgroup_storage_size), 4096),
        ("max_compute_invocations_per_workgroup", u64::from(has.max_compute_invocations_per_workgroup), 64),
        ("max_compute_workgroup_size_x", u64::from(has.max_compute_workgroup_size_x), 64),
        ("max_compute_workgroups_per_dimension", u64::from(has.max_compute_workgroups_per_dimension), 128),
    ];
    match needs.into_iter().find(|(_, got, needed)| got < needed) {
        None => Ok(()),
        Some((limit, got, needed)) => Err(Error::Limit { limit, got, needed, what: "every kernel".to_owned() }),
    }
}

/// Opens a device with every useful feature and the adapter's own limits; when it is lost, the driver's words are kept.
pub(crate) async fn open(adapter: &wgpu::Adapter) -> Result<(wgpu::Device, wgpu::Queue, LastWords)> {
    const DURING: &str = "opening the device";
    let (required_features, required_limits) = wanted(adapter);
    let descriptor =
        wgpu::DeviceDescriptor { label: Some("gpu-loss"), required_features, required_limits, ..Default::default() };
    // Natively, all of the work is done before the future is there.
    let opened = caught(DURING, || adapter.request_device(&descriptor))?.await;
    let (device, queue) = opened.map_err(|error| Error::Device { during: DURING, message: error.to_string() })?;
    let last_words = LastWords::default();
    let heard = Arc::clone(&last_words);
    device.set_device_lost_callback(move |reason, message| {
        let words = match reason {
            wgpu::DeviceLostReason::Destroyed => "it was destroyed".to_owned(),
            wgpu::DeviceLostReason::Unknown => message,
        };
        let _ = heard.set(words);
    });
    Ok((device, queue, last_words))
}

/// Refuses a queue of another device: what is written by it reaches no buffer of this one.
///
/// A queue does not say whose it is, and complaints about it go to its own device; so something is written by it, and read.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn check_queue(adapter: &wgpu::Adapter, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<()> {
    const WRITTEN: [u8; 4] = *b"mine";
    let during = "taking over a device";
    let _turn = turn(adapter.get_info().backend);
    let read = caught(during, || {
        let _validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu-loss: whose is the queue?"),
            size: WRITTEN.len() as u64,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        queue.write_buffer(&buffer, 0, &WRITTEN);
        queue.submit([]);
        buffer.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        let limit = Some(Context::TIME_LIMIT);
        device.poll(wgpu::PollType::Wait { submission_index: None, timeout: limit }).ok()?;
        buffer.slice(..).get_mapped_range().ok().map(|view| *view == WRITTEN)
    });
    match read {
        Ok(Some(true)) => Ok(()),
        Ok(None) => {
            let message = "what its queue writes cannot be read: the device may be lost".to_owned();
            Err(Error::Device { during, message })
        }
        Ok(Some(false)) | Err(_) => {
            let message = "the queue is not this device's".to_owned();
            Err(Error::Device { during, message })
        }
    }
}
