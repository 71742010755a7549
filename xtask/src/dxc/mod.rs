//! `cargo xtask dxc`: every kernel through DXC, Microsoft's compiler of DirectX 12, without Windows and without a GPU.

mod install;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod library;

use clap::Parser;

/// Whether the compiler is installed first.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Download the compiler, into target/dxc, where it is missing; nothing is passed over then
    #[arg(long)]
    install: bool,
}

/// Nothing of the compiler runs here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn dxc(args: &Args) -> crate::Result<()> {
    match install::LIBRARY {
        None if args.install => Err("DXC's library is for Linux: this task runs nowhere else".into()),
        _ => {
            crate::terminal::say("skipped: DXC's library is for Linux");
            Ok(())
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use linux::dxc;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux {
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use naga::back::hlsl::ShaderModel;

    use super::library::Library;
    use super::{Args, install};
    use crate::compilers::translate::to_hlsl;
    use crate::compilers::{Kernel, distinct, exported, on_every_core};
    use crate::terminal::{complain, say};
    use crate::{Result, program};

    /// The least that a device offers which wgpu takes with DXC, subgroups included.
    const SHADER_MODEL: ShaderModel = ShaderModel::V6_0;
    /// Graphics cards, with subgroups and without, and what runs here: software adapters are on Windows too.
    const GEOMETRIES: [Option<&str>; 3] = [None, Some("discrete"), Some("no-subgroups")];
    /// Refusals that are shown; all are written.
    const SHOWN: usize = 20;

    /// What became of the kernels.
    #[derive(Default)]
    struct Tally {
        refusals: Vec<(String, String)>,
        total: Duration,
        slowest: Duration,
    }

    /// Exports every kernel, has naga write it in HLSL, and compiles it as wgpu does.
    pub(crate) fn dxc(args: &Args) -> Result<()> {
        let target = crate::program::this()?;
        let target = target.ancestors().nth(2).ok_or("this program is in no build folder")?;
        let folder = target.join("dxc");
        let Some(name) = install::LIBRARY else {
            return match args.install {
                true => Err("there is no DXC for this processor".into()),
                false => skipped("there is no DXC for this processor"),
            };
        };
        let path = folder.join(name);
        let path = match (path.exists(), args.install) {
            (true, _) => path,
            (false, true) => install::install(name, &folder)?,
            (false, false) => return skipped("DXC is missing; `cargo xtask dxc --install` downloads it"),
        };
        let kernels = distinct(exported(&program::built()?, &target.join("kernels"), &GEOMETRIES)?);
        if kernels.is_empty() {
            return Err("the program exports no kernel".into());
        }
        say(&format!("{} kernels, compiled by DXC as wgpu does on Windows:", kernels.len()));
        let began = Instant::now();
        let tally = compiled(Library::load(&path)?, &kernels, &folder.join("refused"))?;
        report(&kernels, &tally, began.elapsed())
    }

    fn skipped(reason: &str) -> Result<()> {
        say(&format!("skipped: {reason}"));
        Ok(())
    }

    fn report(kernels: &[Kernel], tally: &Tally, took: Duration) -> Result<()> {
        for (kernel, words) in tally.refusals.iter().take(SHOWN) {
            complain(&format!("refused: {kernel}: {}", first_error(words)));
        }
        let refused = tally.refusals.len();
        let each = tally.total.as_secs_f64() * 1e3 / kernels.len() as f64;
        let line = format!(
            "{} kernels taken by DXC, {refused} refused ({each:.0} ms each, {} ms at most; {:.0} s in all)",
            kernels.len() - refused,
            tally.slowest.as_millis(),
            took.as_secs_f64(),
        );
        say(&line);
        match refused {
            0 => Ok(()),
            _ => Err("DXC refuses kernels: their HLSL and its words are in target/dxc/refused".into()),
        }
    }

    /// What was said of the kernel: on Linux nothing signs what DXC makes, of which it complains each time.
    fn meant(words: String) -> Option<String> {
        let lines: Vec<&str> = words.lines().filter(|line| !line.contains("DXIL will not be signed")).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The line of an error, else the first.
    fn first_error(words: &str) -> &str {
        words.lines().find(|line| line.contains("error:")).or_else(|| words.lines().next()).unwrap_or_default()
    }

    /// Compiles kernels on every core; what is refused is written into a folder.
    fn compiled(library: Library, kernels: &[Kernel], refused: &Path) -> Result<Tally> {
        if refused.exists() {
            std::fs::remove_dir_all(refused)?;
        }
        let next = AtomicUsize::new(0);
        let tally = Mutex::new(Tally::default());
        let work = || -> std::result::Result<(), String> {
            let compiler = library.compiler().map_err(|error| error.to_string())?;
            while let Some(kernel) = kernels.get(next.fetch_add(1, Ordering::Relaxed)) {
                let hlsl = to_hlsl(kernel, SHADER_MODEL).map_err(|error| error.to_string())?;
                let profile = format!("cs_{}", SHADER_MODEL.to_str());
                // As wgpu-hal's `compile_dxc`: no IEEE strictness (-Gis), so that the compiler may take it that neither
                // NaN nor infinities occur.
                let arguments = ["-E", &hlsl.entry_point, "-T", &profile, "-HV", "2018", "-no-warnings", "-Ges"];
                let began = Instant::now();
                let refusal = compiler.refusal(&hlsl.text, &arguments).and_then(meant);
                let took = began.elapsed();
                let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                tally.total += took;
                tally.slowest = tally.slowest.max(took);
                if let Some(words) = refusal {
                    let file = refused.join(kernel.name.replace(['/', ' '], "-")).with_extension("hlsl");
                    let text = format!("/* {words} */\n{}", hlsl.text);
                    std::fs::create_dir_all(refused)
                        .and_then(|()| std::fs::write(&file, text))
                        .map_err(|error| format!("{}: {error}", file.display()))?;
                    tally.refusals.push((kernel.name.clone(), words));
                }
            }
            Ok(())
        };
        on_every_core(work)?;
        let mut tally = tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        tally.refusals.sort();
        Ok(tally)
    }
}
