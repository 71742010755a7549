//! Writing the result.

use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use gpu_loss::batch::{Element, bf16, f16};
use ndarray::ArrayD;

use crate::failure::Failure;
use crate::input::Format;
use crate::replace::{Place, Written};

/// An array to write, by type.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    F32(&'a ArrayD<f32>),
    F16(&'a ArrayD<f16>),
    Bf16(&'a ArrayD<bf16>),
    U32(&'a ArrayD<u32>),
    I64(&'a ArrayD<i64>),
}

/// A type of scores whose gradient can be written.
pub(crate) trait Stored: Element {
    fn values(array: &ArrayD<Self>) -> Values<'_>;
}

impl Stored for f32 {
    fn values(array: &ArrayD<Self>) -> Values<'_> {
        Values::F32(array)
    }
}

impl Stored for f16 {
    fn values(array: &ArrayD<Self>) -> Values<'_> {
        Values::F16(array)
    }
}

impl Stored for bf16 {
    fn values(array: &ArrayD<Self>) -> Values<'_> {
        Values::Bf16(array)
    }
}

impl Values<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Values::F32(a) => a.shape(),
            Values::F16(a) => a.shape(),
            Values::Bf16(a) => a.shape(),
            Values::U32(a) => a.shape(),
            Values::I64(a) => a.shape(),
        }
    }

    fn byte_count(&self) -> usize {
        self.shape().iter().product::<usize>() * self.size()
    }

    /// Bytes of an element.
    pub(crate) fn size(&self) -> usize {
        match self {
            Values::I64(_) => 8,
            Values::F32(_) | Values::U32(_) => 4,
            Values::F16(_) | Values::Bf16(_) => 2,
        }
    }

    /// Writes the elements in row-major order.
    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        match self {
            Values::F32(a) => a.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Values::F16(a) => a.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Values::Bf16(a) => a.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Values::U32(a) => a.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Values::I64(a) => a.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
        }
    }
}

/// A file that can be written.
pub(crate) struct Destination {
    place: Place,
    format: Format,
}

impl Destination {
    /// Checks that a path can be written, before anything is computed for it.
    pub(crate) fn check(path: &Path, bf16: bool) -> Result<Self, Failure> {
        let format = Format::of(path)?;
        if bf16 && format == Format::Npz {
            let message = ".npz has no bf16, the type of the gradient: name the output .safetensors";
            return Err(Failure::file(path, message));
        }
        Ok(Destination { place: Place::check(path)?, format })
    }

    /// Writes the arrays into a new file beside the old one, complete before it takes the old one's place.
    pub(crate) fn write(&self, arrays: &[(&str, Values<'_>)]) -> Result<Written<'_>, Failure> {
        self.place.write(|file| self.fill(file, arrays))
    }

    fn fill(&self, file: &mut std::fs::File, arrays: &[(&str, Values<'_>)]) -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        match self.format {
            Format::Safetensors => write_safetensors(&mut out, arrays)?,
            Format::Npz => {
                let mut out = Deafened { out: &mut out, failed: None };
                let written = write_npz(&mut out, arrays);
                out.failed.map_or(written, Err)?;
            }
        }
        out.flush()
    }
}

/// The arrays must come with larger types first, so that each lies at a multiple of its element's size.
fn write_safetensors(out: &mut impl Write, arrays: &[(&str, Values<'_>)]) -> std::io::Result<()> {
    let mut header = serde_json::Map::new();
    let mut offset = 0;
    for (name, values) in arrays {
        let dtype = match values {
            Values::F32(_) => "F32",
            Values::F16(_) => "F16",
            Values::Bf16(_) => "BF16",
            Values::U32(_) => "U32",
            Values::I64(_) => "I64",
        };
        let end = offset + values.byte_count();
        let place = serde_json::json!({ "dtype": dtype, "shape": values.shape(), "data_offsets": [offset, end] });
        header.insert((*name).into(), place);
        offset = end;
    }
    let mut header = serde_json::to_string(&header)?;
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    arrays.iter().try_for_each(|(_, values)| values.write(out))
}

/// A writer that keeps its first error, and from then on takes everything: an archive that is dropped unfinished tries to
/// write its end once more, and prints what comes of that.
struct Deafened<'a, W> {
    out: &'a mut W,
    failed: Option<std::io::Error>,
}

impl<W> Deafened<'_, W> {
    fn attempt<V>(&mut self, deaf: V, act: impl FnOnce(&mut W) -> std::io::Result<V>) -> std::io::Result<V> {
        if self.failed.is_some() {
            return Ok(deaf);
        }
        act(self.out).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

impl<W: Write> Write for Deafened<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.attempt(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.attempt((), W::flush)
    }
}

impl<W: Seek> Seek for Deafened<'_, W> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.attempt(0, |out| out.seek(to))
    }
}

fn write_npz(out: &mut (impl Write + Seek), arrays: &[(&str, Values<'_>)]) -> std::io::Result<()> {
    let mut archive = zip::ZipWriter::new(out);
    for (name, values) in arrays {
        let descr = match values {
            Values::F32(_) => "<f4",
            Values::F16(_) => "<f2",
            Values::U32(_) => "<u4",
            Values::I64(_) => "<i8",
            Values::Bf16(_) => return Err(std::io::Error::other(".npz has no bf16")),
        };
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .large_file(values.byte_count() as u64 > u64::from(u32::MAX) - 4096);
        archive.start_file(format!("{name}.npy"), options)?;
        archive.write_all(&npy_header(descr, values.shape()))?;
        values.write(&mut BufWriter::with_capacity(1 << 16, &mut archive))?;
    }
    archive.finish()?;
    Ok(())
}

fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    // As Python writes tuples, and NumPy headers.
    let axes = match shape {
        [n] => format!("{n},"),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    // The data begins at a multiple of 64, after the magic, the version, the length and a line break.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.extend(std::iter::repeat_n(' ', length - text.len() - 1));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(length as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Type, read};
    use ndarray::array;

    #[test]
    fn what_is_written_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let (loss, grad) =
            (ndarray::arr0(1.5_f32).into_dyn(), array![[1.0_f32, 2.0, 3.0]].mapv(f16::from_f32).into_dyn());
        for name in ["out.safetensors", "out.npz"] {
            let path = directory.path().join(name);
            std::fs::write(&path, "old").unwrap();
            let destination = Destination::check(&path, false).unwrap();
            let written = destination.write(&[("loss", Values::F32(&loss)), ("grad", Values::F16(&grad))]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"old");
            written.put_in_place().unwrap();
            let tensors = read(&path, &["loss", "grad"]).unwrap();
            assert_eq!(tensors.names.len(), 2);
            assert_eq!((&tensors.found["loss"].ty, tensors.found["loss"].shape.len()), (&Type::F32, 0));
            assert_eq!(tensors.found["loss"].bytes, 1.5_f32.to_le_bytes());
            assert_eq!((&tensors.found["grad"].ty, tensors.found["grad"].shape.as_slice()), (&Type::F16, &[1, 3][..]));
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn the_safetensors_crate_reads_what_is_written() {
        let mut bytes = Vec::new();
        let grad = array![[1.0_f32, 2.0]].mapv(bf16::from_f32).into_dyn();
        let empty = ndarray::ArrayD::<f32>::zeros(vec![0, 3]);
        write_safetensors(&mut bytes, &[("losses", Values::F32(&empty)), ("grad", Values::Bf16(&grad))]).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.tensor("grad").unwrap().shape(), [1, 2]);
        assert_eq!(tensors.tensor("losses").unwrap().shape(), [0, 3]);
    }

    #[test]
    fn unwritable_paths_are_refused_beforehand() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |name: &str, bf16| Destination::check(&directory.path().join(name), bf16).err().unwrap().line();
        assert!(refused("missing/out.npz", false).contains("cannot be written: no such file"));
        assert!(refused("out.npz", true).contains("no bf16"));
        assert!(refused("out.txt", false).contains("unknown extension .txt"));
        std::fs::create_dir(directory.path().join("d.npz")).unwrap();
        assert!(refused("d.npz", false).contains("is a directory"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_modes_are_those_of_any_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let loss = ndarray::arr0(1.5_f32).into_dyn();
        std::fs::write(at("plain"), "").unwrap();
        std::fs::write(at("real.npz"), "").unwrap();
        std::fs::set_permissions(at("real.npz"), std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(at("real.npz"), at("link.npz")).unwrap();
        let mode = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        for name in ["link.npz", "new.npz"] {
            let destination = Destination::check(&at(name), false).unwrap();
            destination.write(&[("loss", Values::F32(&loss))]).unwrap().put_in_place().unwrap();
        }
        assert!(std::fs::symlink_metadata(at("link.npz")).unwrap().is_symlink());
        assert_eq!(mode("real.npz"), 0o640);
        assert_eq!(mode("new.npz"), mode("plain"));
    }
}
