//! AMD's compiler, ACO, in Mesa's driver RADV, which makes devices without hardware where `RADV_FORCE_FAMILY` names a GPU.
//!
//! The driver runs in processes of its own: what it is told by the environment has to be there before the loader comes, and
//! a compiler that dies takes no more with it than the kernel it died of.

mod driver;

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{Hash, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;

use serde::{Deserialize, Serialize};

use self::driver::Device;
use crate::Result;

/// A GPU that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gpu {
    pub(super) name: &'static str,
    /// What Mesa calls it, in one version or another.
    families: &'static [&'static str],
}

/// RDNA 2 and RDNA 3.
pub(super) const GPUS: [Gpu; 2] = [
    Gpu { name: "gfx1030", families: &["NAVI21", "gfx1030", "navi21"] },
    Gpu { name: "gfx1100", families: &["GFX1100", "gfx1100", "NAVI31", "navi31"] },
];

/// What the compiler says of a kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Numbers {
    pub(super) vgprs: u32,
    pub(super) sgprs: u32,
    /// Of a vector's registers, into memory;
    pub(super) spilled_vgprs: u32,
    /// of a scalar's, into lanes of vectors.
    pub(super) spilled_sgprs: u32,
    /// Bytes of memory that each wave has for its own.
    pub(super) scratch: u32,
    /// How many waves of 32 invocations a SIMD has room for.
    pub(super) waves: u32,
    /// Invocations of a wave.
    pub(super) lanes: u32,
    pub(super) instructions: u32,
    /// In cycles, the compiler's estimate.
    pub(super) latency: u32,
}

/// A kernel's numbers, or the reason why it was refused.
pub(super) type Verdict = std::result::Result<Numbers, String>;

/// A kernel as it is handed over: SPIR-V, and bindings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) spirv: Vec<u32>,
    pub(super) bindings: Vec<(u32, bool)>,
}

/// What a process says, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// It has a device, of this version of the driver.
    Open(String),
    /// What became of a kernel.
    Compiled(usize, Verdict),
}

/// Which kernels a process of the driver compiles.
#[derive(Debug, clap::Args)]
pub(crate) struct ProcessArgs {
    /// The folder they are in
    folder: PathBuf,
    /// The first one
    from: usize,
    /// From one to the next
    step: usize,
}

/// The driver's description for Vulkan's loader.
pub(super) fn description() -> Option<PathBuf> {
    let folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let files = folders.into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut found: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("radeon_icd")))
        .collect();
    found.sort();
    // Of several, for processors of several kinds, this one's.
    let at = found.iter().position(|path| path.to_string_lossy().contains(std::env::consts::ARCH)).unwrap_or(0);
    found.into_iter().nth(at)
}

/// The driver in a process of its own: says what became of each kernel as soon as it is known.
pub(crate) fn process(args: &ProcessArgs) -> Result<()> {
    let device = Device::open()?;
    let say = |word: &Word| -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(word)?)?;
        Ok(out.flush()?)
    };
    say(&Word::Open(device.driver.clone()))?;
    let mut at = args.from;
    while let Ok(bytes) = std::fs::read(file(&args.folder, at)) {
        let code: Code = serde_json::from_slice(&bytes)?;
        say(&Word::Compiled(at, device.compile(&code.spirv, &code.bindings)))?;
        at += args.step;
    }
    Ok(())
}

fn file(folder: &Path, at: usize) -> PathBuf {
    folder.join(format!("{at}.json"))
}

/// Writes kernels down for the driver's processes.
fn hand_over(folder: &Path, all: &[&Code]) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    for (at, code) in all.iter().enumerate() {
        std::fs::write(file(folder, at), serde_json::to_vec(code)?)?;
    }
    Ok(())
}

/// What the compiler says of kernels, and the driver's version. What it said before is kept in the folder.
pub(super) fn compiled(gpu: Gpu, description: &Path, folder: &Path, codes: &[&Code]) -> Result<(String, Vec<Verdict>)> {
    // To see which name is known, and by which version; no kernel is so far down the list.
    let found = gpu.families.iter().find_map(|family| {
        let process = Process::start(family, description, folder, usize::MAX, 1).ok()??;
        Some((*family, process.version.clone()))
    });
    let (family, version) = found.ok_or_else(|| format!("RADV knows no {}", gpu.name))?;
    std::fs::create_dir_all(folder)?;
    let mut known = Known::open(&folder.join(format!("{}.jsonl", gpu.name)), &version)?;
    let keys: Vec<u64> = codes.iter().map(|code| key(code)).collect();
    let new: Vec<usize> = (0..codes.len()).filter(|&at| !known.numbers.contains_key(&keys[at])).collect();
    let handed = folder.join("spirv");
    hand_over(&handed, &new.iter().map(|&at| codes[at]).collect::<Vec<_>>())?;
    let step = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(new.len().max(1));
    let (said, heard) = std::sync::mpsc::channel();
    let mut refused = BTreeMap::new();
    let count = new.len();
    let share = |first, said| share(family, description, &handed, (first, count, step), &said);
    let share = &share;
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..step)
            .map(|first| {
                let said = said.clone();
                scope.spawn(move || share(first, said))
            })
            .collect();
        drop(said);
        for (at, verdict) in heard {
            let at = new[at];
            match verdict {
                Ok(numbers) => known.add(keys[at], numbers)?,
                Err(words) => drop(refused.insert(at, words)),
            }
        }
        for thread in threads {
            thread.join().map_err(|_| "a thread that waits for RADV panicked")??;
        }
        Ok(())
    })?;
    let mut verdict = |at: usize| match (known.numbers.get(&keys[at]), refused.remove(&at)) {
        (Some(numbers), _) => Ok(*numbers),
        (None, words) => Err(words.unwrap_or_else(|| "nothing was said of it".into())),
    };
    Ok((version, (0..codes.len()).map(&mut verdict).collect()))
}

/// Has kernels compiled one after another, in as many processes as that takes: from the first on, before `count`, every
/// `step`th.
fn share(
    family: &str,
    description: &Path,
    folder: &Path,
    (first, count, step): (usize, usize, usize),
    said: &Sender<(usize, Verdict)>,
) -> std::result::Result<(), String> {
    let mut next = first;
    while next < count {
        let started = Process::start(family, description, folder, next, step).map_err(|error| error.to_string())?;
        let mut process = started.ok_or("RADV opens a device no more")?;
        while let Some((at, verdict)) = process.next() {
            next = at + step;
            said.send((at, verdict)).map_err(|error| error.to_string())?;
        }
        if next < count {
            // It ended before its time.
            let words = format!("the compiler died ({})", process.end());
            said.send((next, Err(words))).map_err(|error| error.to_string())?;
            next += step;
        }
    }
    Ok(())
}

/// What one version of the driver said of kernels for one GPU, kept in a file.
struct Known {
    numbers: BTreeMap<u64, Numbers>,
    file: File,
}

impl Known {
    /// Reads a file, and makes it anew if another version wrote it.
    fn open(path: &Path, version: &str) -> Result<Self> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines();
        let numbers = match lines.next() {
            // A line that was cut off is asked for again.
            Some(first) if first == version => lines.filter_map(|line| serde_json::from_str(line).ok()).collect(),
            _ => {
                std::fs::write(path, format!("{version}\n"))?;
                BTreeMap::new()
            }
        };
        Ok(Known { numbers, file: File::options().append(true).open(path)? })
    }

    fn add(&mut self, key: u64, numbers: Numbers) -> Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(&(key, numbers))?)?;
        self.numbers.insert(key, numbers);
        Ok(())
    }
}

/// A kernel's number among those that are known.
fn key(code: &Code) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    code.hash(&mut hasher);
    hasher.finish()
}

/// A process of the driver, which has opened its device.
struct Process {
    child: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    version: String,
}

impl Process {
    /// Starts one; none if the driver does not know the family.
    fn start(family: &str, description: &Path, folder: &Path, from: usize, step: usize) -> Result<Option<Self>> {
        let mut command = Command::new(crate::program::this()?);
        command.arg("radv-process").arg(folder).arg(from.to_string()).arg(step.to_string());
        // The second name is that of Vulkan loaders before 1.3.207. What was compiled once is compiled again.
        command.env("VK_DRIVER_FILES", description).env("VK_ICD_FILENAMES", description);
        command.env("RADV_FORCE_FAMILY", family).env("NODEVICE_SELECT", "1");
        command.env("MESA_SHADER_CACHE_DISABLE", "true").env("MESA_GLSL_CACHE_DISABLE", "true");
        command.env_remove("RADV_DEBUG").env_remove("RADV_PERFTEST");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().ok_or("RADV's process has no output")?;
        let mut lines = BufReader::new(out).lines();
        let first = lines.next().and_then(std::result::Result::ok);
        match first.and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Word::Open(version)) => Ok(Some(Process { child, lines, version })),
            _ => {
                child.wait()?;
                Ok(None)
            }
        }
    }

    /// What became of its next kernel.
    fn next(&mut self) -> Option<(usize, Verdict)> {
        match serde_json::from_str(&self.lines.next()?.ok()?).ok()? {
            Word::Compiled(at, verdict) => Some((at, verdict)),
            Word::Open(_) => None,
        }
    }

    /// How it ended.
    fn end(&mut self) -> String {
        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, or there is nobody left to listen to it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
