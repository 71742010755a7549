//! `cargo xtask setup`, and the first step of the other tasks: a driver that works.
//!
//! On Linux a software driver is installed where there is none. Elsewhere the system brings its own.

mod distro;
mod install;
mod mpi;

use std::process::Command;

pub(crate) use distro::Mpi;
use gpu_loss::GpuLoss;
use gpu_loss::builder::AdapterFilter;
use gpu_loss::wgpu::Backends;

use crate::Result;
use crate::terminal::{describe, say};

/// Set for the second run of this program, which looks again for drivers that the first one installed.
const INSTALLED: &str = "XTASK_DRIVERS_INSTALLED";

/// Makes sure of Vulkan, of OpenGL and an MPI on request, and says which adapters there are.
pub(crate) fn setup(gl: bool, mpi: Option<Mpi>) -> Result<()> {
    prepare(gl)?;
    if let Some(mpi) = mpi {
        mpi::prepare(mpi)?;
    }
    let filter = AdapterFilter::default();
    let adapters = GpuLoss::adapters(&filter);
    if adapters.is_empty() {
        // The library knows what to advise.
        GpuLoss::open(&filter)?;
    }
    say("Ready. Adapters:");
    adapters.iter().for_each(|adapter| say(&format!("  {}", describe(&adapter.get_info()))));
    Ok(())
}

/// Makes sure of all that the tests run on.
pub(crate) fn for_tests() -> Result<()> {
    prepare(true)
}

/// Makes sure of Vulkan; where that fails any other adapter will do.
pub(crate) fn for_demo() -> Result<()> {
    let Err(failure) = prepare(false) else { return Ok(()) };
    if GpuLoss::adapters(&AdapterFilter::default()).is_empty() {
        return Err(failure);
    }
    say(&format!("{failure}\nGoing on without Vulkan."));
    Ok(())
}

fn prepare(gl: bool) -> Result<()> {
    let absent = absent(gl);
    if absent.is_empty() || !cfg!(target_os = "linux") {
        return Ok(());
    }
    let absent = absent.join(" and no ");
    if std::env::var_os(INSTALLED).is_some() {
        return Err(unanswered(&absent).into());
    }
    say(&format!("There is no {absent} driver that works here."));
    install::install(gl)?;
    if self::absent(gl).is_empty() {
        say("The driver works.");
        return Ok(());
    }
    // A process that has loaded the system's graphics libraries may not see what came later: a new one does.
    let again = std::env::current_exe()
        .and_then(|program| Command::new(program).args(std::env::args_os().skip(1)).env(INSTALLED, "1").status());
    match again {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => Err(format!("{} (a second look failed: {error})", unanswered(&absent)).into()),
    }
}

/// The names of the interfaces that should have an adapter and do not. `WGPU_BACKEND` may narrow them down.
fn absent(gl: bool) -> Vec<&'static str> {
    let chosen = Backends::from_env().unwrap_or(Backends::all());
    [("Vulkan", Backends::VULKAN, true), ("OpenGL", Backends::GL, gl)]
        .into_iter()
        .filter(|(_, backends, needed)| *needed && chosen.contains(*backends))
        .filter(|(_, backends, _)| GpuLoss::adapters(&AdapterFilter { backends: *backends, name: None }).is_empty())
        .map(|(name, ..)| name)
        .collect()
}

/// What is wrong where the packages are there and yet nothing answers.
fn unanswered(absent: &str) -> String {
    /// What may keep the loaders from drivers that are there.
    const NARROWING: [&str; 5] = [
        "VK_DRIVER_FILES",
        "VK_ICD_FILENAMES",
        "VK_LOADER_DRIVERS_DISABLE",
        "LIBGL_DRIVERS_PATH",
        "__EGL_VENDOR_LIBRARY_FILENAMES",
    ];
    let value = |name: &str| std::env::var(name).ok().map(|value| format!("{name}={value}"));
    let narrowed: Vec<String> = NARROWING.into_iter().filter_map(value).collect();
    let cause = if narrowed.is_empty() { String::new() } else { format!(": {} may be why", narrowed.join(", ")) };
    format!("the drivers are installed, and yet there is no {absent} adapter{cause}")
}
