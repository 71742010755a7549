//! Reads `.npz`: a ZIP archive of `.npy` arrays, stored or deflated.

use std::io::{Read, Seek};

use super::archive::{members, unpack};
use super::npy::read_header;
use super::{Tensor, Tensors, elements, read_bytes};
use crate::failure::io_message;

/// Arrays may come to this many times the file's size, and to the free inflation besides. Deflate itself could reach a
/// thousand.
const INFLATION_RATIO: u64 = 2;

/// Reads the wanted arrays of a file of `length` bytes.
pub(super) fn read(
    mut reader: impl Read + Seek,
    length: u64,
    wanted: &[&str],
    free_inflation: u64,
) -> Result<Tensors, String> {
    let mut tensors = Tensors::default();
    let mut chosen = Vec::new();
    let end = members(&mut reader, length, |member| {
        let name = member.name.strip_suffix(".npy").unwrap_or(&member.name);
        tensors.list(name);
        if let Some(name) = wanted.iter().find(|wanted| **wanted == name) {
            if chosen.iter().any(|(other, _)| other == name) {
                return Err(format!("holds the array '{name}' twice"));
            }
            chosen.push((*name, member));
        }
        Ok(())
    })?;
    let mut budget =
        Budget { left: free_inflation.saturating_add(length.saturating_mul(INFLATION_RATIO)), free_inflation };
    for (name, member) in chosen {
        let failed = |what: String| format!("array '{name}' {what}");
        let mut unpacked = unpack(&mut reader, &member, end).map_err(failed)?;
        let tensor = read_array(&mut unpacked, &mut budget).map_err(failed)?;
        if !member.is(unpacked.crc().sum()) {
            return Err(failed("is damaged: its bytes do not have the checksum that the directory gives".into()));
        }
        tensors.found.insert(name.into(), tensor);
    }
    Ok(tensors)
}

/// The bytes that arrays may still come to.
pub(super) struct Budget {
    left: u64,
    free_inflation: u64,
}

impl Budget {
    /// Of arrays that are not packed.
    pub(super) fn without_end() -> Self {
        Budget { left: u64::MAX, free_inflation: u64::MAX }
    }

    fn take(&mut self, needed: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(needed as u64).ok_or_else(|| {
            format!(
                "would take {needed} bytes, and a file may inflate to no more than {INFLATION_RATIO} times its size and \
                 {} MiB: save it uncompressed (numpy.savez)",
                self.free_inflation >> 20
            )
        })?;
        Ok(())
    }
}

pub(super) fn read_array(unpacked: &mut impl Read, budget: &mut Budget) -> Result<Tensor, String> {
    let header = read_header(unpacked)?;
    let count = elements(&header.shape)?;
    let size = header.ty.size().ok_or_else(|| match header.ty.name() {
        // What `numpy.save` makes of the types that ml_dtypes and JAX add.
        "|V2" | "<V2" | "V2" => {
            "has the type V2, as NumPy stores bf16, without its name: save bf16 as .safetensors".into()
        }
        other => format!("has the type {other}, which is not read"),
    })?;
    let needed = count.checked_mul(size).ok_or_else(|| format!("has the impossible shape {:?}", header.shape))?;
    budget.take(needed)?;
    let mut bytes = read_bytes(unpacked, needed)?;
    match unpacked.read(&mut [0]) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{FREE_INFLATION as FREE, Type};
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
        read(Cursor::new(bytes), bytes.len() as u64, &["a"], FREE)
    }

    #[test]
    fn stored_and_deflated_arrays_of_either_byte_order_are_read() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let file = npz("a.npy", method, &npy(">i2", "True", "(1, 2)", &[1, 2, 3, 4]));
            let expected = Tensor { ty: Type::I16, shape: vec![1, 2], fortran: true, bytes: vec![2, 1, 4, 3] };
            assert_eq!(read_all(&file).unwrap().found.remove("a"), Some(expected));
        }
    }

    /// As Python's zipfile makes them, and with the end record of archives beyond 4 GiB.
    #[test]
    fn archives_of_another_writer_are_read() {
        for file in [
            &include_bytes!("../../../../fuzz/corpus/npz/stored")[..],
            include_bytes!("../../../../fuzz/corpus/npz/deflated"),
            include_bytes!("../../../../fuzz/corpus/npz/zip64"),
            include_bytes!("../../../../fuzz/corpus/npz/other_members"),
        ] {
            let tensors = read(Cursor::new(file), file.len() as u64, &["logits", "targets"], FREE).unwrap();
            assert_eq!((&tensors.found["logits"].ty, &tensors.found["logits"].shape[..]), (&Type::F32, &[2, 3][..]));
            assert_eq!(tensors.found["targets"].bytes[8..], 2_i64.to_le_bytes());
        }
        let comment = include_bytes!("../../../../fuzz/corpus/npz/comment");
        assert_eq!(read(Cursor::new(comment), comment.len() as u64, &[], FREE).unwrap().names, ["logits"]);
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
        assert!(error.contains("would take 100663296 bytes") && error.contains("32 MiB"), "{error}");
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
