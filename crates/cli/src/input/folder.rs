//! Reads `.npy` files: each holds one array, whose name is the file's, and those beside it belong to it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::Tensors;
use super::npz::{Budget, read_array};
use crate::failure::{Failure, io_message};

/// Reads the array of this file, and from its directory the others whose names are wanted.
pub(super) fn read(path: &Path, wanted: &[&str]) -> Result<Tensors, Failure> {
    let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let name = stem(path).filter(|name| wanted.contains(&name.as_str())).ok_or_else(|| {
        let what = "is one array without a name, and files name theirs: call it logits.npy (or probabilities.npy), with \
                    targets.npy beside it, or write several into one with numpy.savez";
        Failure::file(path, what)
    })?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let listed = std::fs::read_dir(directory).map_err(|e| Failure::file(directory, io_message(&e)))?;
    let is_array = |path: &Path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) && path.is_file();
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).filter(|path| is_array(path)).collect();
    files.sort();
    let mut tensors = Tensors::default();
    for file in files {
        let Some(found) = stem(&file) else { continue };
        tensors.list(&found);
        if !wanted.contains(&found.as_str()) {
            continue;
        }
        // The one that was named is read even if another differs from it by the case of its extension alone.
        let file = if found == name { path.to_owned() } else { file };
        let tensor = File::open(&file)
            .map_err(|e| io_message(&e))
            .and_then(|opened| read_array(&mut BufReader::new(opened), &mut Budget::without_end()))
            .map_err(|what| Failure::file(&file, what))?;
        tensors.found.insert(found, tensor);
    }
    Ok(tensors)
}
