//! Compiled pipelines, kept in a file from one process to the next where the device can hand them out.
//!
//! Nothing here is an error: without the file, kernels are compiled anew.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{caught, unchecked};

/// A device's pipelines, and the file that they are kept in.
#[derive(Debug)]
pub(crate) struct PipelineStore {
    pub(super) cache: wgpu::PipelineCache,
    file: PathBuf,
    heading: String,
    /// What the file holds, by its checksum; 0 for nothing of use.
    kept: AtomicU64,
}

impl PipelineStore {
    /// Reads what a folder holds for this adapter and driver. None where the device keeps no pipelines.
    pub(crate) fn open(device: &wgpu::Device, info: &wgpu::AdapterInfo, folder: &Path) -> Option<Self> {
        let key = wgpu::util::pipeline_cache_key(info)?;
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let file = folder.join(format!("{key}.pipelines"));
        let version = env!("CARGO_PKG_VERSION");
        let heading = format!("gpu-loss {version} pipelines for {}, {}, {}", info.name, info.driver, info.driver_info)
            .replace('\n', " ");
        let data = match std::fs::read(&file) {
            Ok(bytes) => {
                let data = taken(&bytes, &heading).map(<[u8]>::to_vec);
                if data.is_none() {
                    log::info!("{} is damaged, or another driver's: it is not used", file.display());
                }
                data
            }
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    log::warn!("{}: {error}", file.display());
                }
                None
            }
        };
        let cache = caught("reading kept pipelines", || unchecked::pipeline_cache(device, data.as_deref())).ok()?;
        let kept = data.map_or(0, |data| checksum(&data));
        Some(PipelineStore { cache, file, heading, kept: AtomicU64::new(kept) })
    }

    /// Writes the file, whole or not at all, if there is anything new.
    fn save(&self) -> std::io::Result<()> {
        let Ok(Some(data)) = caught("handing out pipelines", || self.cache.get_data()) else { return Ok(()) };
        let sum = checksum(&data);
        if self.kept.swap(sum, Ordering::Relaxed) == sum {
            return Ok(());
        }
        let mut bytes = format!("{}\n{sum:016x}\n", self.heading).into_bytes();
        bytes.extend_from_slice(&data);
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let draft = self.file.with_extension(format!("{}.draft", std::process::id()));
        std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, &self.file)).inspect_err(|_| {
            let _ = std::fs::remove_file(&draft);
        })
    }
}

impl Drop for PipelineStore {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            log::warn!("pipelines are not kept in {}: {error}", self.file.display());
        }
    }
}

/// What a file holds, if it is whole and has this heading.
fn taken<'a>(bytes: &'a [u8], heading: &str) -> Option<&'a [u8]> {
    let rest = bytes.strip_prefix(heading.as_bytes())?.strip_prefix(b"\n")?;
    let (sum, data) = (rest.get(..16)?, rest.get(16..)?.strip_prefix(b"\n")?);
    (sum == format!("{:016x}", checksum(data)).as_bytes()).then_some(data)
}

/// FNV-1a, of 64 bits: against damage, not against malice.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{checksum, taken};

    #[test]
    fn damaged_pipelines_are_not_taken() {
        let data = b"pipelines\nof a driver";
        let mut file = format!("heading\n{:016x}\n", checksum(data)).into_bytes();
        file.extend_from_slice(data);
        assert_eq!(taken(&file, "heading"), Some(&data[..]));
        assert_eq!(taken(&file, "another heading"), None);
        for at in 0..file.len() {
            assert_eq!(taken(&file[..at], "heading"), None, "cut at {at}");
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert_eq!(taken(&damaged, "heading"), None, "changed at {at}");
        }
    }
}
