//! A file that is written before it has a name, where the system can do that: a program that is killed then leaves
//! nothing behind. Elsewhere it has a temporary name.

use std::fs::File;
use std::io::Result;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;

use tempfile::NamedTempFile;

/// A file in the making; dropped, it is gone.
pub(crate) struct Draft(State);

enum State {
    Named(NamedTempFile),
    #[cfg(target_os = "linux")]
    Nameless {
        file: File,
        directory: PathBuf,
    },
}

impl Draft {
    /// An empty file in this directory, with the permissions of any new file.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = nameless(directory) {
            return Ok(Draft(State::Nameless { file, directory: directory.into() }));
        }
        Ok(Draft(State::Named(names().tempfile_in(directory)?)))
    }

    pub(crate) fn file(&mut self) -> &mut File {
        match &mut self.0 {
            State::Named(named) => named.as_file_mut(),
            #[cfg(target_os = "linux")]
            State::Nameless { file, .. } => file,
        }
    }

    /// Gives it a name, in the place of what had it before, in one step.
    pub(crate) fn put(self, target: &Path) -> Result<()> {
        match self.0 {
            State::Named(named) => named.persist(target).map(drop)?,
            #[cfg(target_os = "linux")]
            State::Nameless { file, directory } => {
                use std::os::fd::AsRawFd as _;
                let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
                let link = |name: &Path| {
                    use rustix::fs::{AtFlags, CWD, linkat};
                    linkat(CWD, &descriptor, CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(Into::into)
                };
                // A link cannot replace a file, a renamed one can.
                names().make_in(directory, link)?.persist(target).map_err(|e| e.error)?;
            }
        }
        Ok(())
    }
}

/// How temporary files are named and permitted.
fn names() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gpu-loss-");
    #[cfg(unix)]
    {
        // As any new file: what the umask leaves of it.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

/// A file without a name, if file system and kernel have such, and if it can be given one.
#[cfg(target_os = "linux")]
fn nameless(directory: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = open(directory, flags, Mode::from_raw_mode(0o666)).ok()?;
    Path::new("/proc/self/fd").is_dir().then(|| file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn both_kinds_replace_what_was_there_and_leave_nothing_when_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let any = || Draft::new(directory.path()).unwrap();
        let named = || Draft(State::Named(names().tempfile_in(&directory).unwrap()));
        for make in [&any as &dyn Fn() -> Draft, &named] {
            std::fs::write(&target, "old").unwrap();
            let mut draft = make();
            draft.file().write_all(b"new").unwrap();
            assert_eq!(std::fs::read(&target).unwrap(), b"old");
            draft.put(&target).unwrap();
            assert_eq!(std::fs::read(&target).unwrap(), b"new");
            drop(make());
            assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_is_seen_before_it_is_complete() {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let mut draft = Draft::new(directory.path()).unwrap();
        draft.file().write_all(b"half").unwrap();
        let nameless = matches!(draft.0, State::Nameless { .. });
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), usize::from(!nameless));
    }
}
