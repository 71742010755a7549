//! Files that are replaced whole, or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::draft::Draft;
use crate::failure::{Failure, io_message};

/// Where a file can be written.
pub(crate) struct Place {
    /// As it was given, for messages.
    path: PathBuf,
    /// What is replaced: behind a link, the file that it leads to.
    target: PathBuf,
}

impl Place {
    /// Checks that a path can be written, before anything is computed for it.
    pub(crate) fn check(path: &Path) -> Result<Self, Failure> {
        let failed = |message: &str| Err(Failure::file(path, message));
        let mut target = path.to_path_buf();
        let found = std::fs::metadata(path);
        // A name that is too long, a loop of links: what cannot be looked up cannot be written either.
        if let Err(error) = &found
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return failed(&format!("cannot be written: {}", io_message(error)));
        }
        if let Ok(metadata) = found {
            if metadata.is_dir() {
                return failed("is a directory");
            }
            if !metadata.is_file() {
                return failed("is not a regular file");
            }
            if metadata.permissions().readonly() {
                return failed("is read-only");
            }
            target = std::fs::canonicalize(path).map_err(|e| Failure::file(path, io_message(&e)))?;
        }
        let place = Place { path: path.into(), target };
        drop(place.draft()?);
        Ok(place)
    }

    /// Writes a new file beside the old one, complete before it takes the old one's place.
    pub(crate) fn write(&self, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<Written<'_>, Failure> {
        let mut draft = self.draft()?;
        let file = draft.file();
        fill(file)
            .and_then(|()| match std::fs::metadata(&self.target) {
                Ok(old) => file.set_permissions(old.permissions()),
                Err(_) => Ok(()),
            })
            .and_then(|()| file.sync_all())
            .map_err(|e| self.unwritable(&e))?;
        Ok(Written { place: self, draft })
    }

    fn draft(&self) -> Result<Draft, Failure> {
        let directory = match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Draft::new(directory).map_err(|e| self.unwritable(&e))
    }

    fn unwritable(&self, error: &std::io::Error) -> Failure {
        Failure::file(&self.path, format!("cannot be written: {}", io_message(error)))
    }
}

/// A complete file that is not yet in its place; dropped, it is removed.
pub(crate) struct Written<'a> {
    place: &'a Place,
    draft: Draft,
}

impl Written<'_> {
    /// Replaces the old file, in one step.
    pub(crate) fn put_in_place(self) -> Result<(), Failure> {
        let Written { place, draft } = self;
        draft.put(&place.target).map_err(|e| place.unwritable(&e))
    }
}
