//! `gpu-loss adapters`: what this machine offers.

use std::fmt::Write as _;

use gpu_loss::GpuLoss;
use gpu_loss::builder::AdapterFilter;
use gpu_loss::wgpu::{self, Features};
use serde::Serialize;

use crate::args::AdaptersArgs;
use crate::failure::Failure;
use crate::{json, terminal};

/// Prints every adapter; without any, what to install.
pub(crate) fn adapters(args: &AdaptersArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    let found = find(filter)?;
    // `run` takes the first.
    let offers: Vec<Offer> = found.iter().enumerate().map(|(at, adapter)| Offer::of(adapter, at == 0)).collect();
    if args.json {
        return json::print(&offers);
    }
    terminal::print(&offers.iter().map(Offer::lines).collect::<String>())
}

/// Every adapter that the filter admits, at least one.
pub(crate) fn find(filter: &AdapterFilter) -> Result<Vec<wgpu::Adapter>, Failure> {
    let adapters = GpuLoss::adapters(filter);
    if adapters.is_empty() {
        // The library knows what to advise.
        GpuLoss::open(filter).map_err(|error| Failure::library(&error, None))?;
    }
    Ok(adapters)
}

/// An adapter on one line.
pub(crate) fn describe(info: &wgpu::AdapterInfo) -> String {
    format!("{} [{}], driver {}", info.name, info.backend, driver(info))
}

/// The driver's name and version.
pub(crate) fn driver(info: &wgpu::AdapterInfo) -> String {
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    if driver.trim().is_empty() { "unknown".into() } else { driver.trim().into() }
}

/// An adapter, by the keys that every document uses.
#[derive(Serialize)]
pub(crate) struct Named {
    adapter: String,
    backend: String,
    driver: String,
}

impl Named {
    pub(crate) fn of(info: &wgpu::AdapterInfo) -> Self {
        Named { adapter: info.name.clone(), backend: info.backend.to_string(), driver: driver(info) }
    }
}

/// What of an adapter matters here.
#[derive(Serialize)]
struct Offer {
    #[serde(flatten)]
    named: Named,
    /// Whether `run` takes it.
    taken: bool,
    /// What plans go by on it.
    profile: &'static str,
    #[serde(skip)]
    title: String,
    #[serde(rename = "type")]
    device_type: String,
    /// The smallest and the largest.
    subgroup_sizes: Option<[u32; 2]>,
    shader_f16: bool,
    timestamps: bool,
    max_workgroup_invocations: u32,
    max_workgroup_bytes: u32,
    max_storage_buffers: u32,
    max_binding_bytes: u64,
    max_buffer_bytes: u64,
}

impl Offer {
    fn of(adapter: &wgpu::Adapter, taken: bool) -> Self {
        let info = adapter.get_info();
        let (limits, features) = (adapter.limits(), adapter.features());
        let sizes = [info.subgroup_min_size, info.subgroup_max_size];
        Offer {
            named: Named::of(&info),
            taken,
            profile: GpuLoss::profile_of(adapter),
            title: describe(&info),
            device_type: format!("{:?}", info.device_type),
            subgroup_sizes: features.contains(Features::SUBGROUP).then_some(sizes),
            shader_f16: features.contains(Features::SHADER_F16),
            timestamps: features.contains(Features::TIMESTAMP_QUERY),
            max_workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
        }
    }

    fn lines(&self) -> String {
        let yes = |has| if has { "yes" } else { "no" };
        let subgroups = self.subgroup_sizes.map_or("no".into(), |[min, max]| format!("of {min} to {max}"));
        let mut text = String::new();
        // Writing into a string cannot fail.
        let taken = if self.taken { "  ← run takes this one" } else { "" };
        let _ = writeln!(text, "{}{taken}", self.title);
        let _ = writeln!(text, "  type          {}", self.device_type);
        let _ = writeln!(text, "  profile       {}", self.profile);
        let _ = writeln!(text, "  subgroups     {subgroups}");
        let _ = writeln!(text, "  shader-f16    {}", yes(self.shader_f16));
        let _ = writeln!(text, "  timestamps    {}", yes(self.timestamps));
        let _ = writeln!(
            text,
            "  workgroup     {} invocations, {} bytes of memory",
            self.max_workgroup_invocations, self.max_workgroup_bytes
        );
        let _ = writeln!(
            text,
            "  buffers       {} a stage, {} a binding, {} a buffer",
            self.max_storage_buffers,
            bytes(self.max_binding_bytes),
            bytes(self.max_buffer_bytes),
        );
        text
    }
}

/// A number of bytes in its largest unit that keeps it readable.
fn bytes(count: u64) -> String {
    match count {
        0..=0xfffff => format!("{} KiB", count >> 10),
        0x10_0000..=0xffff_ffff => format!("{} MiB", count >> 20),
        _ if count >= 1 << 50 => "unlimited".into(),
        _ => format!("{} GiB", count >> 30),
    }
}
