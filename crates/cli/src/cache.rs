//! Where compiled kernels are kept from one run to the next: the user's cache folder.

use std::path::PathBuf;

use gpu_loss::builder::AdapterFilter;
use gpu_loss::plan::Strategy;
use gpu_loss::{GpuLoss, Result};

/// Opens the best adapter, with the kernels that earlier runs compiled where its driver hands them out.
pub(crate) fn open(filter: &AdapterFilter, strategy: Option<Strategy>) -> Result<GpuLoss> {
    let builder = GpuLoss::builder().adapter(filter.clone()).strategy(strategy);
    match folder(|name| std::env::var_os(name).map(PathBuf::from)) {
        Some(folder) => builder.pipeline_cache(folder).open(),
        None => builder.open(),
    }
}

/// The folder, by what the environment says of this system; relative paths are none, as the XDG specification has it.
fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Caches"))
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("gpu-loss"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_user_keeps_caches() {
        let of = |home: &'static str, xdg: Option<&'static str>| {
            folder(|name| if name == "HOME" { Some(home.into()) } else { xdg.map(PathBuf::from) })
        };
        assert_eq!(of("/home/a", None), Some("/home/a/.cache/gpu-loss".into()));
        assert_eq!(of("/home/a", Some("/var/a")), Some("/var/a/gpu-loss".into()));
        assert_eq!(of("/home/a", Some("relative")), Some("/home/a/.cache/gpu-loss".into()));
        assert_eq!(of("", None), None);
    }
}
