//! Files of named tensors, read under one rule: memory is taken for what a file holds, never for what it claims.

mod archive;
mod fields;
mod folder;
mod npy;
mod npz;
mod safetensors;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use crate::failure::{Failure, io_message};

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// What Hugging Face's safetensors writes.
    Safetensors,
    /// What `numpy.savez` and `numpy.savez_compressed` write.
    Npz,
}

impl Format {
    /// The format that a path's extension names.
    pub(crate) fn of(path: &Path) -> Result<Format, Failure> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "safetensors" => Ok(Format::Safetensors),
            "npz" => Ok(Format::Npz),
            "" => Err(Failure::file(path, "no extension: expected .safetensors or .npz")),
            "npy" => Err(Failure::file(path, "a .npy file holds one array: expected .safetensors or .npz")),
            other => Err(Failure::file(path, format!("unknown extension .{other}: expected .safetensors or .npz"))),
        }
    }
}

/// The type of a tensor's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
    /// One that the format has and this program does not, by its name there.
    Other(String),
}

impl Type {
    /// Bytes of one element, for the types that this program reads.
    pub(crate) fn size(&self) -> Option<usize> {
        match self {
            Type::Bool | Type::U8 | Type::I8 => Some(1),
            Type::U16 | Type::I16 | Type::F16 | Type::Bf16 => Some(2),
            Type::U32 | Type::I32 | Type::F32 => Some(4),
            Type::U64 | Type::I64 | Type::F64 => Some(8),
            Type::Other(_) => None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::I8 => "i8",
            Type::U16 => "u16",
            Type::I16 => "i16",
            Type::U32 => "u32",
            Type::I32 => "i32",
            Type::U64 => "u64",
            Type::I64 => "i64",
            Type::F16 => "f16",
            Type::Bf16 => "bf16",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Other(name) => name,
        }
    }
}

/// One tensor as it was stored, its bytes little-endian.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) ty: Type,
    pub(crate) shape: Vec<usize>,
    /// Whether the first index moves fastest (NumPy's Fortran order).
    pub(crate) fortran: bool,
    pub(crate) bytes: Vec<u8>,
}

/// As many names of tensors are remembered for messages.
const REMEMBERED: usize = 1000;

/// The tensors of a file: those that were asked for, and the names of all.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tensors {
    pub(crate) found: BTreeMap<String, Tensor>,
    /// The first names, long ones shortened.
    pub(crate) names: Vec<String>,
    count: usize,
}

impl Tensors {
    /// Counts a tensor, and remembers its name among the first.
    pub(crate) fn list(&mut self, name: &str) {
        if self.names.len() < REMEMBERED {
            self.names.push(shortened(name));
        }
        self.count = self.count.saturating_add(1);
    }

    /// The names of tensors that do not count, the first 20, by which do.
    pub(crate) fn others(&self, counts: impl Fn(&str) -> bool) -> Vec<String> {
        let mut others: Vec<String> = self.names.iter().filter(|name| !counts(name)).cloned().collect();
        let unnamed = self.count.saturating_sub(self.names.len());
        let more = others.len().saturating_sub(20).saturating_add(unnamed);
        others.truncate(20);
        if more > 0 {
            others.push(format!("… {more} more"));
        }
        others
    }

    /// The names that the file has, for a message: the first 20.
    pub(crate) fn listing(&self) -> String {
        let first = self.names.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.count {
            0 => "no tensors".into(),
            count => match count.checked_sub(20).filter(|more| *more > 0) {
                Some(more) => format!("{first}, … {more} more"),
                None => first,
            },
        }
    }
}

/// A name for a message: at most 60 characters of it.
fn shortened(name: &str) -> String {
    if name.chars().count() > 60 { format!("{}…", name.chars().take(60).collect::<String>()) } else { name.into() }
}

/// Reads those tensors of a file whose names are wanted; others are only listed.
pub(crate) fn read(path: &Path, wanted: &[&str]) -> Result<Tensors, Failure> {
    read_as(path, path, wanted)
}

/// As [`read`], under another name in messages.
pub(crate) fn read_as(path: &Path, name: &Path, wanted: &[&str]) -> Result<Tensors, Failure> {
    let is_array = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
    let format = if is_array { None } else { Some(Format::of(path)?) };
    let failed = |message: String| Failure::file(name, message);
    let metadata = std::fs::metadata(path).map_err(|e| failed(io_message(&e)))?;
    if metadata.is_dir() {
        return Err(failed("is a directory".into()));
    }
    if !metadata.is_file() {
        return Err(failed("is not a regular file".into()));
    }
    if metadata.len() == 0 {
        return Err(failed("is empty".into()));
    }
    let Some(format) = format else { return folder::read(path, wanted) };
    let file = File::open(path).map_err(|e| failed(io_message(&e)))?;
    read_from(format, std::io::BufReader::new(file), metadata.len(), wanted, FREE_INFLATION).map_err(failed)
}

/// What arrays may come to whatever the file's size, if they are deflated.
const FREE_INFLATION: u64 = 32 << 20;

/// Reads the wanted tensors of a file of `length` bytes.
pub(crate) fn read_from(
    format: Format,
    reader: impl Read + Seek,
    length: u64,
    wanted: &[&str],
    free_inflation: u64,
) -> Result<Tensors, String> {
    match format {
        Format::Safetensors => safetensors::read(reader, length, wanted),
        Format::Npz => npz::read(reader, length, wanted, free_inflation),
    }
}

/// The most dimensions that a tensor may have; NumPy 1 had as many, NumPy 2 has twice.
const MAX_DIMENSIONS: usize = 32;

/// The number of elements of a shape. Its axes of length 0 aside, it must fit in memory's address range, so that no
/// product of some of its axes overflows either.
fn elements(shape: &[usize]) -> Result<usize, String> {
    if shape.len() > MAX_DIMENSIONS {
        return Err(format!("has more than {MAX_DIMENSIONS} dimensions"));
    }
    let product = shape.iter().filter(|n| **n > 0).try_fold(1_usize, |product, n| product.checked_mul(*n));
    match product.filter(|p| *p <= isize::MAX as usize / 8) {
        None => Err(format!("has the impossible shape {shape:?}")),
        Some(_) if shape.contains(&0) => Ok(0),
        Some(product) => Ok(product),
    }
}

/// Reads exactly `count` bytes, taking memory as they come: a reader that ends early has cost no more than it held.
fn read_bytes(reader: &mut impl Read, count: usize) -> Result<Vec<u8>, String> {
    const STEP: usize = 1 << 20;
    let mut bytes = Vec::new();
    while let Some(left) = count.checked_sub(bytes.len()).filter(|left| *left > 0) {
        let step = left.min(bytes.len().max(STEP));
        bytes.try_reserve_exact(step).map_err(|_| format!("{count} bytes do not fit in memory"))?;
        let got = reader.by_ref().take(step as u64).read_to_end(&mut bytes).map_err(|e| io_message(&e))?;
        if got < step {
            return Err(format!("ends after {} of {count} bytes: it is truncated", bytes.len()));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_cannot_be_are_refused_even_where_an_axis_is_empty() {
        assert_eq!(elements(&[]), Ok(1));
        assert_eq!(elements(&[3, 4]), Ok(12));
        assert_eq!(elements(&[3, 0]), Ok(0));
        assert!(elements(&[1 << 62, 4, 0]).is_err());
        assert!(elements(&[usize::MAX, 2]).is_err());
        assert!(elements(&[1; 33]).is_err());
    }

    #[test]
    fn a_reader_that_ends_early_costs_no_more_than_it_holds() {
        let error = read_bytes(&mut [1_u8, 2, 3].as_slice(), 1 << 60).unwrap_err();
        assert!(error.contains("after 3 of"), "{error}");
    }
}
