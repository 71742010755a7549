//! `cargo xtask compilers`: what compilers of real GPUs make of every kernel, without a GPU.
//!
//! - **AMD's** ([`radv`]): registers, spills, waves and instructions of every kernel of the profiles for GPUs. They are held
//!   against `benches/compilers.tsv`, kernels of one family together (`family`), where the driver is the recorded one: a
//!   spill that is not there, or 5 % more instructions, fails. `--record` writes there what was compiled, and the table for
//!   readers, `benches/compilers.md`.
//! - **clang** ([`clang`]), in place of Apple's compiler, which is built on the same LLVM: naga's MSL against a small copy of
//!   Metal's standard library, with the fast maths that wgpu leaves on.
//!
//! Without `--full`, one family in [`SAMPLE`] is compiled, always the same ones, and those that the bars are about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::family::Family;
use super::radv::{self, Code, GPUS, Verdict};
use super::record::{Record, Sums};
use super::translate::to_spirv;
use super::{Args, Compiler, Kernel, clang, exported, table};
use crate::packages::{install_debian, on_path};
use crate::terminal::{complain, say};
use crate::{Result, program};

/// Profiles whose kernels GPUs get, each with the subgroups that such have.
const GPU_PROFILES: [Option<&str>; 4] = [Some("discrete"), Some("integrated"), Some("apple"), Some("no-subgroups")];
/// Kernels of processors that play a GPU, which wgpu runs through Metal and Vulkan nowhere else.
const CPU_PROFILES: [Option<&str>; 1] = [Some("cpu")];
/// One in so many families is compiled without `--full`, besides those of which the bars are.
const SAMPLE: u64 = 8;
/// One in so many test vectors is run without `--full`.
const VECTORS: usize = 5;
/// Complaints that are shown.
const SHOWN: usize = 20;

/// A kernel, and what became of it on each GPU.
pub(super) struct Compiled {
    pub(super) kernel: Kernel,
    pub(super) family: Family,
    pub(super) verdicts: [Verdict; GPUS.len()],
}

/// Compiles kernels with every compiler that is here.
pub(crate) fn compilers(args: &Args) -> Result<()> {
    let target = crate::program::this()?;
    let folder = target.ancestors().nth(2).ok_or("this program is in no build folder")?.join("compilers");
    if args.install {
        install()?;
    }
    let driver = radv::description();
    let clang = on_path(&["clang++"]);
    if driver.is_none() && clang.is_none() {
        return match args.record {
            true => Err("neither RADV nor clang is here; `cargo xtask compilers --install` installs them".into()),
            false => {
                say("skipped: neither RADV nor clang is here; `cargo xtask compilers --install` installs them");
                Ok(())
            }
        };
    }
    let everything = args.full;
    let program = program::built()?;
    let mut kernels = without_repeats(exported(&program, &folder.join("kernels"), &GPU_PROFILES)?);
    if !everything {
        kernels.retain(|kernel| sampled(&Family::of(kernel)));
        say(&format!(
            "One family of kernels in {SAMPLE} is compiled; `--full` takes all, which is some 25 minutes on two cores."
        ));
    }
    let mut wrong = Vec::new();
    match driver {
        _ if args.only == Some(Compiler::Clang) => {}
        Some(driver) => wrong.extend(by_aco(args, &driver, &folder, &kernels)?),
        None if args.record => return Err("RADV is missing; `cargo xtask compilers --install` installs it".into()),
        None => say("skipped: RADV is missing; `cargo xtask compilers --install` installs it"),
    }
    match clang {
        _ if args.only == Some(Compiler::Aco) => {}
        Some(clang) => {
            let processors = exported(&program, &folder.join("kernels"), &CPU_PROFILES)?;
            kernels.extend(processors.into_iter().filter(|kernel| everything || sampled(&Family::of(kernel))));
            wrong.extend(clang::taken(&clang, &folder.join("clang"), &kernels)?);
            let one_in = if everything { 1 } else { VECTORS };
            wrong.extend(clang::vectors(&clang, &program, &folder.join("vectors"), one_in)?);
        }
        None => say("skipped: clang++ is missing; `cargo xtask compilers --install` installs it"),
    }
    wrong.iter().take(SHOWN).for_each(|line| complain(line));
    match wrong.len() {
        0 => Ok(()),
        more => Err(format!("{more} kernels or families of kernels are worse than recorded, or refused").into()),
    }
}

/// Debian's packages, as far as they are missing.
fn install() -> Result<()> {
    let mut packages = Vec::new();
    if radv::description().is_none() {
        packages.extend(["libvulkan1", "mesa-vulkan-drivers"]);
    }
    if on_path(&["clang++"]).is_none() {
        packages.push("clang");
    }
    install_debian(&packages)
}

/// Whether a family is in the sample: by a hash of its name (FNV-1a), so that all ways, losses and types are met.
fn sampled(family: &Family) -> bool {
    let hash = family
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let has_bars = (family.profile.as_str(), family.loss.as_str(), family.targets.as_str())
        == ("discrete", "softmax_ce", "classes");
    has_bars || (hash >> 32) % SAMPLE == 0
}

/// What is wrong with kernels by AMD's compiler. Says what it made of them, and writes the record on request.
fn by_aco(args: &Args, description: &Path, folder: &Path, kernels: &[Kernel]) -> Result<Vec<String>> {
    let began = Instant::now();
    let codes = spirv(kernels)?;
    // Different profiles have many of the same.
    let distinct: BTreeSet<&Code> = codes.iter().collect();
    let places: BTreeMap<&Code, usize> = distinct.iter().enumerate().map(|(at, code)| (*code, at)).collect();
    let distinct: Vec<&Code> = distinct.into_iter().collect();
    let mut driver = String::new();
    let mut by_gpu = Vec::new();
    for gpu in GPUS {
        let (version, verdicts) = radv::compiled(gpu, description, &folder.join("aco"), &distinct)?;
        driver = version;
        by_gpu.push(verdicts);
    }
    let compiled: Vec<Compiled> = kernels
        .iter()
        .zip(&codes)
        .map(|(kernel, code)| {
            let verdicts = std::array::from_fn(|gpu| by_gpu[gpu][places[code]].clone());
            Compiled { kernel: kernel.clone(), family: Family::of(kernel), verdicts }
        })
        .collect();
    let mut wrong = Vec::new();
    for (at, gpu) in GPUS.iter().enumerate() {
        let refused = compiled.iter().filter_map(|one| Some((one, one.verdicts[at].as_ref().err()?)));
        wrong.extend(refused.map(|(one, words)| format!("{}: refused: {}: {words}", gpu.name, one.kernel.name)));
        let verdicts = &by_gpu[at];
        let count = |which: fn(&radv::Numbers) -> bool| verdicts.iter().flatten().filter(|n| which(n)).count();
        say(&format!(
            "{}: {} different kernels taken by ACO ({driver}), {} refused, {} spill, {} have scratch",
            gpu.name,
            count(|_| true),
            verdicts.iter().filter(|verdict| verdict.is_err()).count(),
            count(|n| n.spilled_vgprs > 0),
            count(|n| n.scratch > 0),
        ));
    }
    say(&format!("  of {} kernels, in {:.0} s", kernels.len(), began.elapsed().as_secs_f64()));
    wrong.extend(held_against_record(args, Record { driver, families: families(&compiled) }, &compiled)?);
    Ok(wrong)
}

/// Kernels as the Vulkan backend would have them, translated on every core.
fn spirv(kernels: &[Kernel]) -> Result<Vec<Code>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(kernels.len()));
    let work = || -> std::result::Result<(), String> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(kernel) = kernels.get(at) else { return Ok(()) };
            let spirv = to_spirv(kernel).map_err(|error| error.to_string())?;
            let code = Code { spirv, bindings: kernel.bindings.clone() };
            done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, code));
        }
    };
    super::on_every_core(work)?;
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, code)| code).collect())
}

/// Without the families of which each kernel is another profile's too.
fn without_repeats(mut kernels: Vec<Kernel>) -> Vec<Kernel> {
    let mut seen = BTreeSet::new();
    let new: BTreeSet<Family> =
        kernels.iter().filter(|kernel| seen.insert((&kernel.wgsl, &kernel.constants))).map(Family::of).collect();
    kernels.retain(|kernel| new.contains(&Family::of(kernel)));
    kernels
}

/// What the compiler said, family by family.
fn families(compiled: &[Compiled]) -> BTreeMap<Family, Sums> {
    let mut families = BTreeMap::new();
    for Compiled { family, verdicts, .. } in compiled {
        let sums: &mut Sums = families.entry(family.clone()).or_default();
        for (sum, numbers) in sums.iter_mut().zip(verdicts.iter().map(|verdict| verdict.as_ref().ok())) {
            numbers.into_iter().for_each(|numbers| sum.add(numbers));
        }
    }
    families
}

/// Holds a run against the record, or makes the record.
fn held_against_record(args: &Args, now: Record, compiled: &[Compiled]) -> Result<Vec<String>> {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches");
    let path: PathBuf = benches.join("compilers.tsv");
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    let recorded = Record::parse(&recorded)?;
    if args.record {
        let part = if args.full { None } else { Some(SAMPLE) };
        std::fs::write(benches.join("compilers.md"), table::page(&now.driver, compiled, part))?;
        // What was not compiled stays as it was, unless another version wrote it.
        let mut record = if args.full || recorded.driver != now.driver { Record::default() } else { recorded };
        record.driver = now.driver;
        record.families.extend(now.families);
        std::fs::write(&path, record.text())?;
        say("written: benches/compilers.tsv, benches/compilers.md");
        return Ok(Vec::new());
    }
    if recorded.driver != now.driver {
        say(&format!(
            "not compared: the record is of {}, and this is {}: another version spills and counts otherwise",
            recorded.driver, now.driver
        ));
        return Ok(Vec::new());
    }
    let findings = now.against(&recorded);
    say(&format!(
        "  {} families against benches/compilers.tsv: {} worse, {} with fewer instructions, {} new",
        now.families.len(),
        findings.worse.len(),
        findings.better,
        findings.new
    ));
    if findings.better + findings.new > 0 {
        say("  `cargo xtask compilers --record` takes note of them");
    }
    Ok(findings.worse)
}
