//! `gpu-loss adapters`: what this machine offers.

use std::fmt::Write as _;

use gpu_loss::wgpu::{self, Features};
use gpu_loss::{AdapterFilter, GpuLoss};

use crate::failure::Failure;
use crate::terminal;

/// Prints every adapter; without any, what to install.
pub(crate) fn adapters(filter: &AdapterFilter) -> Result<(), Failure> {
    let adapters = find(filter)?;
    let mut text = String::new();
    for adapter in &adapters {
        let info = adapter.get_info();
        let (limits, features) = (adapter.limits(), adapter.features());
        let has = |feature| if features.contains(feature) { "yes" } else { "no" };
        let subgroups = if features.contains(Features::SUBGROUP) {
            format!("of {} to {}", info.subgroup_min_size, info.subgroup_max_size)
        } else {
            "no".into()
        };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", describe(&info));
        let _ = writeln!(text, "  type          {:?}", info.device_type);
        let _ = writeln!(text, "  subgroups     {subgroups}");
        let _ = writeln!(text, "  shader-f16    {}", has(Features::SHADER_F16));
        let _ = writeln!(text, "  timestamps    {}", has(Features::TIMESTAMP_QUERY));
        let _ = writeln!(
            text,
            "  workgroup     {} invocations, {} bytes of memory",
            limits.max_compute_invocations_per_workgroup, limits.max_compute_workgroup_storage_size
        );
        let _ = writeln!(
            text,
            "  buffers       {} a stage, {} a binding, {} a buffer",
            limits.max_storage_buffers_per_shader_stage,
            bytes(limits.max_storage_buffer_binding_size),
            bytes(limits.max_buffer_size),
        );
    }
    terminal::print(&text)
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
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    let driver = if driver.trim().is_empty() { "unknown" } else { driver.trim() };
    format!("{} [{}], driver {driver}", info.name, info.backend)
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
