//! Choices on disk: a line a choice, under a heading for each adapter, driver and version of the crate.
//!
//! ```text
//! gpu-loss tuning 1
//! [0.1.0 | vulkan | llvmpipe (LLVM 15.0.6, 256 bits) | llvmpipe | Mesa 22.3.6 (LLVM 15.0.6)]
//! subgroup-row softmax_ce f32 512x1000x1 classes i64
//! end 1
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::schedule::Strategy;

/// Strategies by class, by heading.
pub(super) type Sections = BTreeMap<String, BTreeMap<String, Strategy>>;

const FIRST_LINE: &str = "gpu-loss tuning 1";
/// No tuning file is longer: some hundred thousand choices.
const MOST_BYTES: u64 = 16 << 20;

/// Whom choices hold for.
pub(super) fn heading(info: &wgpu::AdapterInfo) -> String {
    let backend = info.backend.to_string();
    let parts = [env!("CARGO_PKG_VERSION"), &backend, &info.name, &info.driver, &info.driver_info];
    parts.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).join(" | ")
}

/// All choices of a file; none if it does not exist.
pub(super) fn read(path: &Path) -> Result<Sections> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sections::new()),
        Err(error) => return Err(problem(path, format!("cannot be opened: {error}"))),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| problem(path, format!("cannot be read: {e}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(problem(path, format!("has more than {MOST_BYTES} bytes, which no tuning file has")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| problem(path, format!("is not text: byte {} is not UTF-8", e.utf8_error().valid_up_to())))?;
    parse(&text).map_err(|text| problem(path, text))
}

/// Replaces a file, whole or not at all: a new one is written beside it, and takes its place. A symbolic link stays, and what
/// it points to is replaced.
pub(super) fn write(path: &Path, sections: &Sections) -> Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let path = &followed(path).map_err(|error| problem(path, format!("cannot be followed: {error}")))?;
    let Some(name) = path.file_name() else { return Err(problem(path, "names no file".to_owned())) };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}-{}", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    let beside = path.with_file_name(beside);
    let written = OpenOptions::new().write(true).create_new(true).open(&beside).and_then(|mut file| {
        let put = file.write_all(render(sections).as_bytes()).and_then(|()| file.sync_all());
        drop(file);
        put.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
            // What is reported is why it could not be written; the remains are hidden, and harm nobody.
            let _ = std::fs::remove_file(&beside);
        })
    });
    written.map_err(|error| problem(path, format!("cannot be written: {error}")))
}

/// Where a chain of symbolic links ends, whether there is a file or not.
fn followed(path: &Path) -> std::io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                let to = std::fs::read_link(&path)?;
                path = path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to));
            }
            _ => return Ok(path),
        }
    }
    Err(std::io::Error::other("too many symbolic links"))
}

fn render(sections: &Sections) -> String {
    let mut lines = vec![FIRST_LINE.to_owned()];
    for (heading, choices) in sections {
        lines.push(format!("[{heading}]"));
        lines.extend(choices.iter().map(|(class, strategy)| format!("{} {class}", strategy.name())));
    }
    lines.push(format!("end {}\n", count(sections)));
    lines.join("\n")
}

fn count(sections: &Sections) -> usize {
    sections.values().map(BTreeMap::len).sum()
}

/// The choices in a text, or what is wrong with it.
fn parse(text: &str) -> std::result::Result<Sections, String> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    match lines.next() {
        Some((_, FIRST_LINE)) => {}
        Some((_, found)) => return Err(format!("begins with {}, expected \"{FIRST_LINE}\"", shown(found))),
        None => return Err(format!("is empty, expected \"{FIRST_LINE}\"")),
    }
    let mut sections = Sections::new();
    let mut current = None;
    while let Some((at, line)) = lines.next() {
        if let Some(heading) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            current = Some(sections.entry(heading.to_owned()).or_default());
        } else if let Some(end) = line.strip_prefix("end ") {
            let found = count(&sections);
            if end != found.to_string() {
                return Err(format!("line {at}: the end speaks of {} choices, found {found}", shown(end)));
            }
            return match lines.next() {
                None => Ok(sections),
                Some((at, more)) => Err(format!("line {at}: {} behind the end", shown(more))),
            };
        } else {
            let choice = line.split_once(' ').and_then(|(name, class)| Some((name.parse().ok()?, class)));
            match (choice, &mut current) {
                (None, _) => return Err(format!("line {at}: {} names no strategy", shown(line))),
                (_, None) => return Err(format!("line {at}: {} has no heading above it", shown(line))),
                (Some((strategy, class)), Some(choices)) => {
                    if choices.insert(class.to_owned(), strategy).is_some() {
                        return Err(format!("line {at}: {} is chosen for twice", shown(class)));
                    }
                }
            }
        }
    }
    Err("is cut off: its last line, \"end\" with the number of choices, is missing".to_owned())
}

/// The beginning of what was found, fit for a message.
fn shown(found: &str) -> String {
    format!("{:?}", found.chars().take(60).collect::<String>())
}

fn problem(path: &Path, problem: String) -> Error {
    Error::TuningFile { path: path.display().to_string(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Sections {
        let choices = [("softmax_ce f32 512x1000x1", Strategy::SubgroupRow), ("bce f16 8x3x1", Strategy::ThreadRow)];
        let own: BTreeMap<_, _> = choices.into_iter().map(|(class, s)| (class.to_owned(), s)).collect();
        Sections::from([("0.1.0 | vulkan | A [x] | d | 1".to_owned(), own), ("other".to_owned(), BTreeMap::new())])
    }

    #[test]
    fn a_file_says_what_was_put_in() {
        assert_eq!(parse(&render(&sections())), Ok(sections()));
        assert_eq!(parse(&render(&Sections::new())), Ok(Sections::new()));
    }

    #[test]
    fn whatever_is_cut_off_is_refused() {
        let text = render(&sections());
        for end in 0..text.len() - 1 {
            assert!(parse(&text[..end]).is_err(), "{end} bytes: {}", &text[..end]);
        }
    }

    #[test]
    fn damage_is_named_with_its_line() {
        for (from, to, expected) in [
            ("tuning 1", "tuning 9", "begins with \"gpu-loss tuning 9\", expected \"gpu-loss tuning 1\""),
            ("subgroup-row", "subgroup-raw", "line 4: \"subgroup-raw softmax_ce f32 512x1000x1\" names no strategy"),
            ("end 2", "end 3", "line 6: the end speaks of \"3\" choices, found 2"),
            ("end 2\n", "end 2\nmore\n", "line 7: \"more\" behind the end"),
            ("[0.1.0 | vulkan | A [x] | d | 1]\n", "", "has no heading above it"),
            ("bce f16 8x3x1", "softmax_ce f32 512x1000x1", "line 4: \"softmax_ce f32 512x1000x1\" is chosen for twice"),
        ] {
            let damaged = render(&sections()).replace(from, to);
            let told = parse(&damaged).expect_err(&damaged);
            assert!(told.contains(expected), "{told}");
        }
    }
}
