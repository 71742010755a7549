//! Reads `.npz`: a ZIP archive of `.npy` arrays, stored or deflated.

use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::npy::read_header;
use super::{Tensor, Tensors, elements, read_bytes, shortened};
use crate::failure::io_message;

/// A file may inflate to this much whatever its size, …
const FREE_INFLATION: u64 = 64 << 20;
/// … and further to this many times its size. Deflate itself could reach a thousand.
const INFLATION_RATIO: u64 = 16;

/// Reads the wanted arrays of a file of `length` bytes.
pub(super) fn read(reader: impl Read + Seek, length: u64, wanted: &[&str]) -> Result<Tensors, String> {
    let mut archive =
        ZipArchive::new(reader).map_err(|e| format!("is no .npz file, or damaged: {}", zip_message(&e)))?;
    if archive.has_duplicate_names() {
        return Err("holds two arrays of the same name".into());
    }
    let names: Vec<String> = (0..archive.len())
        .map(|index| match archive.name_for_index(index) {
            Some(Ok(name)) => name.strip_suffix(".npy").unwrap_or(&name).to_string(),
            _ => String::from("?"),
        })
        .collect();
    let mut tensors = Tensors::default();
    let mut budget = FREE_INFLATION.saturating_add(length.saturating_mul(INFLATION_RATIO));
    for (index, name) in names.iter().enumerate() {
        if !wanted.contains(&name.as_str()) {
            continue;
        }
        let mut entry =
            archive.by_index(index).map_err(|e| format!("array '{name}' cannot be read: {}", zip_message(&e)))?;
        let tensor = read_array(&mut entry, &mut budget).map_err(|e| format!("array '{name}' {e}"))?;
        if tensors.found.insert(name.clone(), tensor).is_some() {
            return Err(format!("holds the array '{name}' twice"));
        }
    }
    tensors.names = names;
    Ok(tensors)
}

fn read_array(entry: &mut impl Read, budget: &mut u64) -> Result<Tensor, String> {
    let header = read_header(entry)?;
    let count = elements(&header.shape)?;
    let size = header.ty.size().ok_or_else(|| format!("has the type {}, which is not read", header.ty.name()))?;
    let needed = count.checked_mul(size).ok_or_else(|| format!("has the impossible shape {:?}", header.shape))?;
    if needed as u64 > *budget {
        return Err(format!(
            "would take {needed} bytes, and the file may inflate to no more than {} MiB and {INFLATION_RATIO} times \
             its size: save it uncompressed (numpy.savez)",
            FREE_INFLATION >> 20
        ));
    }
    *budget -= needed as u64;
    let mut bytes = read_bytes(entry, needed)?;
    // The checksum is compared when the end is read.
    match entry.read(&mut [0]) {
        Ok(0) => {}
        Ok(_) => return Err(format!("holds more than the {needed} bytes of its shape {:?}", header.shape)),
        Err(error) => return Err(format!("is damaged: {}", io_message(&error))),
    }
    if header.big_endian {
        for value in bytes.chunks_exact_mut(size) {
            value.reverse();
        }
    }
    Ok(Tensor { ty: header.ty, shape: header.shape, fortran: header.fortran, bytes })
}

fn zip_message(error: &ZipError) -> String {
    match error {
        ZipError::Io(error) => io_message(error),
        other => shortened(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Type;
    use std::io::{Cursor, Write as _};
    use zip::CompressionMethod;
    use zip::write::SimpleFileOptions;

    fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn npz(name: &str, method: CompressionMethod, array: &[u8]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(array).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn read_all(bytes: &[u8]) -> Result<Tensors, String> {
        read(Cursor::new(bytes), bytes.len() as u64, &["a"])
    }

    #[test]
    fn stored_and_deflated_arrays_of_either_byte_order_are_read() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let file = npz("a.npy", method, &npy(">i2", "True", "(1, 2)", &[1, 2, 3, 4]));
            let expected = Tensor { ty: Type::I16, shape: vec![1, 2], fortran: true, bytes: vec![2, 1, 4, 3] };
            assert_eq!(read_all(&file).unwrap().found.remove("a"), Some(expected));
        }
    }

    #[test]
    fn arrays_that_differ_from_their_header_are_refused() {
        for (array, words) in [
            (npy("<f4", "False", "(3,)", &[0; 8]), "after 8 of 12 bytes"),
            (npy("<f4", "False", "(1,)", &[0; 8]), "more than the 4 bytes"),
            (npy("<f4", "False", "(4294967296, 4294967296)", &[0; 8]), "impossible shape"),
            (npy("<c8", "False", "(1,)", &[0; 8]), "type <c8"),
        ] {
            let error = read_all(&npz("a.npy", CompressionMethod::Stored, &array)).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_inflated() {
        let zeros = vec![0; 96 << 20];
        let file = npz("a.npy", CompressionMethod::Deflated, &npy("|u1", "False", "(100663296,)", &zeros));
        assert!(file.len() < 1 << 20);
        let error = read_all(&file).unwrap_err();
        assert!(error.contains("would take 100663296 bytes") && error.contains("64 MiB"), "{error}");
        // One that hides behind a small header is not inflated past it.
        let file = npz("a.npy", CompressionMethod::Deflated, &npy("|u1", "False", "(5,)", &zeros));
        assert!(read_all(&file).unwrap_err().contains("more than the 5 bytes"));
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_survived() {
        let file = npz("a.npy", CompressionMethod::Deflated, &npy("<f4", "False", "(4,)", &[7; 16]));
        for end in 0..file.len() {
            assert!(read_all(&file[..end]).is_err(), "{end} bytes of {}", file.len());
        }
        for at in 0..file.len() {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= flip;
                // Some bytes carry nothing that is read (time stamps); the data is under a checksum.
                if let Some(tensor) = read_all(&damaged).ok().and_then(|mut t| t.found.remove("a")) {
                    assert_eq!(tensor.bytes, [7; 16], "byte {at}");
                }
            }
        }
        assert!(read_all(b"logits,targets\n1,2\n").unwrap_err().contains("no .npz file"));
    }
}
