//! Developer tasks: `cargo xtask setup`, `demo`, `test`, `soak`, `dawn`, `dxc`, `compilers`, `web`.

mod compilers;
mod dawn;
mod demo;
mod dxc;
mod packages;
mod program;
mod setup;
mod soak;
mod terminal;
mod test;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a task that failed has to say.
type Failure = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Failure>;

/// Developer tasks of gpu-loss
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make sure that a Vulkan driver works; on Linux, install a software one if none does
    Setup {
        /// Make sure of OpenGL too, as the tests do
        #[arg(long)]
        gl: bool,
        /// Make sure of an MPI and of what `crates/mpi` is built with: Open MPI unless MPICH is named
        #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "openmpi")]
        mpi: Option<setup::Mpi>,
    },
    /// Train a classifier of handwritten digits, its losses and gradients computed on the GPU
    Demo(demo::Args),
    /// Run the kernels under Dawn, the WebGPU implementation of Chrome, on the test vectors
    Dawn(dawn::Args),
    /// Compile every kernel with DXC, the compiler of DirectX 12, as wgpu does on Windows
    Dxc(dxc::Args),
    /// Compile every kernel with AMD's compiler and with clang, without a GPU: registers, spills, instructions
    Compilers(compilers::Args),
    /// AMD's driver in a process of its own
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[command(hide = true)]
    RadvProcess(compilers::RadvProcess),
    /// Run every test of the workspace on every adapter
    Test(test::Args),
    /// Check random batches on every adapter for some minutes: threads, drops in flight, lost devices, memory
    Soak(soak::Args),
    /// Build the page that computes the losses in a browser, into target/web; serve it, or test it in Chromium
    Web(web::Args),
}

fn main() -> ExitCode {
    let parsed = Cli::parse();
    let done = program::this().and_then(|_| match parsed.task {
        Task::Setup { gl, mpi } => setup::setup(gl, mpi),
        Task::Demo(args) => demo::demo(&args),
        Task::Dawn(args) => dawn::dawn(&args),
        Task::Dxc(args) => dxc::dxc(&args),
        Task::Compilers(args) => compilers::compilers(&args),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        Task::RadvProcess(args) => compilers::radv_process(&args),
        Task::Test(args) => test::test(&args),
        Task::Soak(args) => soak::soak(&args),
        Task::Web(args) => web::web(&args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::complain(&format!("xtask: {failure}"));
            ExitCode::FAILURE
        }
    }
}
