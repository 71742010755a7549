//! gpu-loss beside what else computes a mean cross-entropy and its gradient: in one run, on the same batches, in turns.

// The report of `gpu-loss bench` draws with the same code.
#[path = "../../../crates/cli/src/bench/axis.rs"]
mod axis;
mod bars;
mod batch;
#[cfg(feature = "burn")]
mod burn;
mod child;
#[path = "../../../crates/cli/src/bench/colours.rs"]
mod colours;
mod device;
#[path = "../../../crates/cli/src/bench/escape.rs"]
mod escape;
mod fused;
mod peer;
mod picture;
#[path = "../../../crates/cli/src/bench/plot.rs"]
mod plot;
#[cfg(feature = "burn")]
mod serve;
#[path = "../../../crates/cli/src/bench/svg.rs"]
mod svg;
mod table;
mod turns;
mod unfused;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use gpu_loss::GpuLoss;
#[cfg(feature = "burn")]
use gpu_loss::wgpu;

use crate::child::Child;
use crate::peer::Peer;

const GPU_LOSS: &str = "gpu-loss";
const BURN: &str = "Burn";
const EAGER: &str = "PyTorch eager";
const COMPILED: &str = "PyTorch compiled";

/// The script of the Python peers.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/peer.py");

/// Times gpu-loss and its peers in turns: softmax cross-entropy on classes, f32, loss and gradient.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Write all figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the times over the number of classes into this file as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Exit with 1 if gpu-loss misses a bar
    #[arg(long)]
    check: bool,
    /// Three shapes, few rounds
    #[arg(long)]
    quick: bool,
    /// Only these numbers of classes
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    classes: Vec<usize>,
    /// Scores of a batch
    #[arg(long, value_name = "N", default_value_t = 16_777_216)]
    elements: usize,
    /// The Python that has numpy, and torch, or jax and optax
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Answer as Burn on standard input; on a CPU adapter if so
    #[cfg(feature = "burn")]
    #[arg(long, hide = true, value_name = "ON_CPU")]
    serve_burn: Option<bool>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    #[cfg(feature = "burn")]
    if let Some(on_cpu) = args.serve_burn {
        return match serve::serve(burn::Burn::new(on_cpu)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    match compare(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("peers: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs, prints and writes everything; whether no bar is missed, where they are asked for.
fn compare(args: &Args) -> Result<bool, String> {
    let gpu = Rc::new(GpuLoss::new().map_err(|error| error.to_string())?);
    let classes: &[usize] = match (&args.classes[..], args.quick) {
        ([], true) => &[10, 1000, 32_000],
        ([], false) => &[10, 100, 1000, 4096, 32_000, 50_257, 128_256],
        (chosen, _) => chosen,
    };
    let mut peers = peers(&gpu, &args.python)?;
    let rounds = if args.quick { 3 } else { 9 };
    let mut figures = Vec::new();
    for &classes in classes {
        figures.extend(turns::measure(&mut peers, args.elements, classes, rounds)?);
    }
    println!("{}", table::table(&figures));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())?;
        write(path, &(text + "\n"))?;
    }
    if let (Some(path), Some(picture)) = (&args.plot, picture::picture(&figures)) {
        write(path, &picture)?;
    }
    let bars = if args.check { bars::bars(&figures) } else { Vec::new() };
    bars.iter().for_each(|bar| println!("{bar}"));
    Ok(bars.iter().all(bars::Bar::is_kept))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// gpu-loss first. Those that cannot serve at all are named and left out.
fn peers(gpu: &Rc<GpuLoss>, python: &str) -> Result<Vec<Box<dyn Peer>>, String> {
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(fused::Fused::new(gpu)), Box::new(unfused::Unfused::new(gpu))];
    let children = [
        #[cfg(feature = "burn")]
        burn_child(gpu)?,
        Child::new(EAGER, &[python, SCRIPT, "torch-eager"]),
        Child::new(COMPILED, &[python, SCRIPT, "torch-compiled"]),
        Child::new("JAX", &[python, SCRIPT, "jax"]),
    ];
    for mut child in children {
        match child.start() {
            Ok(()) => peers.push(Box::new(child)),
            Err(why) => eprintln!("{} is left out: {why}", child.name()),
        }
    }
    Ok(peers)
}

/// This program again, as Burn: what brings Burn down is not this run.
#[cfg(feature = "burn")]
fn burn_child(gpu: &GpuLoss) -> Result<Child, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let on_cpu = gpu.adapter_info().device_type == wgpu::DeviceType::Cpu;
    Ok(Child::new(BURN, &[&this.to_string_lossy(), "--serve-burn", &on_cpu.to_string()]))
}
