//! The header of a `.npy` array: a Python literal with its type, order and shape.

use std::io::Read;

use super::{MAX_DIMENSIONS, Type, shortened};
use crate::failure::io_message;

/// The longest header that is read; NumPy itself stops at 10,000.
const MAX_HEADER: usize = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct NpyHeader {
    pub(super) ty: Type,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

/// Reads the header, up to the first byte of data.
pub(super) fn read_header(reader: &mut impl Read) -> Result<NpyHeader, String> {
    let mut start = [0; 8];
    exact(reader, &mut start)?;
    let [b'\x93', b'N', b'U', b'M', b'P', b'Y', version, _] = start else {
        return Err("is no .npy array".into());
    };
    let length = match version {
        1 => {
            let mut bytes = [0; 2];
            exact(reader, &mut bytes)?;
            usize::from(u16::from_le_bytes(bytes))
        }
        2 | 3 => {
            let mut bytes = [0; 4];
            exact(reader, &mut bytes)?;
            u32::from_le_bytes(bytes) as usize
        }
        other => return Err(format!("has the .npy version {other}: 1 to 3 are read")),
    };
    if length > MAX_HEADER {
        return Err(format!("has a header of {length} bytes: at most {MAX_HEADER} are read"));
    }
    let mut text = vec![0; length];
    exact(reader, &mut text)?;
    let text = std::str::from_utf8(&text).map_err(|_| "has a header that is no text")?;
    parse(text).ok_or_else(|| format!("has a header that is not understood: {}", shortened(text.trim())))?
}

fn exact(reader: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    reader.read_exact(bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => "is truncated inside its header".into(),
        _ => io_message(&e),
    })
}

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. `None`: not of this form;
/// `Some(Err)`: understood, and not a type that is read.
fn parse(text: &str) -> Option<Result<NpyHeader, String>> {
    let mut rest = Literal(text).after("{")?;
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while rest.after("}").is_none() {
        let (key, value) = rest.string()?;
        let value = value.after(":")?;
        rest = match key {
            "descr" if descr.is_none() => {
                if value.after("[").is_some() {
                    return Some(Err("is a structured array: one plain type is expected".into()));
                }
                let (found, rest) = value.string()?;
                descr = Some(found);
                rest
            }
            "fortran_order" if fortran.is_none() => {
                let (flag, rest) = value.flag()?;
                fortran = Some(flag);
                rest
            }
            "shape" if shape.is_none() => {
                let (found, rest) = value.tuple()?;
                if found.len() > MAX_DIMENSIONS {
                    return Some(Err(format!("has more than {MAX_DIMENSIONS} dimensions")));
                }
                shape = Some(found);
                rest
            }
            _ => return None,
        };
        rest = match rest.after(",") {
            Some(next) => next,
            None => {
                rest.after("}")?;
                rest
            }
        };
    }
    if !rest.after("}")?.0.trim().is_empty() {
        return None;
    }
    let (descr, fortran, shape) = (descr?, fortran?, shape?);
    Some(described(descr).map(|(ty, big_endian)| NpyHeader { ty, big_endian, fortran, shape }))
}

/// A type such as `<f4`, and whether its bytes are big-endian.
fn described(descr: &str) -> Result<(Type, bool), String> {
    let code = descr.strip_prefix(['<', '>', '=', '|']).unwrap_or(descr);
    let ty = match code {
        "b1" | "?" => Type::Bool,
        "u1" => Type::U8,
        "i1" => Type::I8,
        "u2" => Type::U16,
        "i2" => Type::I16,
        "u4" => Type::U32,
        "i4" => Type::I32,
        "u8" => Type::U64,
        "i8" => Type::I64,
        "f2" => Type::F16,
        "f4" => Type::F32,
        "f8" => Type::F64,
        object if object.starts_with('O') => {
            return Err("is an array of Python objects, which are never unpickled: save plain numbers".into());
        }
        _ => Type::Other(shortened(descr)),
    };
    let native = !descr.starts_with(['<', '>', '|']);
    Ok((ty, descr.starts_with('>') || (native && cfg!(target_endian = "big"))))
}

/// The rest of a Python literal.
#[derive(Clone, Copy)]
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn after(self, token: &str) -> Option<Literal<'a>> {
        self.0.trim_start().strip_prefix(token).map(Literal)
    }

    fn string(self) -> Option<(&'a str, Literal<'a>)> {
        let text = self.0.trim_start();
        let quoted = |quote| text.strip_prefix(quote)?.split_once(quote);
        let (found, rest) = quoted('\'').or_else(|| quoted('"'))?;
        (!found.contains('\\')).then_some((found, Literal(rest)))
    }

    fn flag(self) -> Option<(bool, Literal<'a>)> {
        self.after("True").map(|rest| (true, rest)).or_else(|| self.after("False").map(|rest| (false, rest)))
    }

    /// A tuple of lengths. One that is too long to be a shape is cut.
    fn tuple(self) -> Option<(Vec<usize>, Literal<'a>)> {
        let mut rest = self.after("(")?;
        let mut values = Vec::new();
        loop {
            if let Some(end) = rest.after(")") {
                return Some((values, end));
            }
            if values.len() > MAX_DIMENSIONS {
                return Some((values, rest));
            }
            let text = rest.0.trim_start();
            let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
            values.push(text.strip_suffix(behind)?.parse().ok()?);
            // Python 2 wrote long integers as 3L.
            let after = Literal(behind).after("L").unwrap_or(Literal(behind));
            rest = match after.after(",") {
                Some(next) => next,
                None => {
                    after.after(")")?;
                    after
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<NpyHeader, String> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        read_header(&mut bytes.as_slice())
    }

    #[test]
    fn headers_as_numpy_writes_them_are_understood() {
        let plain = header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }          \n");
        assert_eq!(plain, Ok(NpyHeader { ty: Type::F32, big_endian: false, fortran: false, shape: vec![3, 4] }));
        let odd = header("{'shape': (5L,), 'fortran_order': True, \"descr\": '>i8'}");
        assert_eq!(odd, Ok(NpyHeader { ty: Type::I64, big_endian: true, fortran: true, shape: vec![5] }));
        assert!(header("{'descr': '|b1', 'fortran_order': False, 'shape': ()}").unwrap().shape.is_empty());
    }

    #[test]
    fn other_headers_are_refused_by_what_is_wrong() {
        for (text, words) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "Python objects"),
            ("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,)}", "structured"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "not understood"),
            ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "not understood"),
            ("__import__('os')", "not understood"),
            ("{'é", "not understood"),
            ("", "not understood"),
        ] {
            let error = header(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let long = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", "1,".repeat(1000));
        assert!(header(&long).unwrap_err().contains("more than 32 dimensions"));
        assert!(read_header(&mut b"\x93NUMPY\x01\x00\x02\x00{\xff".as_slice()).unwrap_err().contains("no text"));
        assert!(read_header(&mut b"\x93NUMPY\x02\x00\xff\xff\xff\xff".as_slice()).unwrap_err().contains("4294967295"));
        assert!(read_header(&mut b"\x93NUMPY\x01\x00\x40\x00{".as_slice()).unwrap_err().contains("truncated"));
        assert!(read_header(&mut b"hello, world".as_slice()).unwrap_err().contains("no .npy"));
        assert!(read_header(&mut b"\x93NUMPY\x09\x00".as_slice()).unwrap_err().contains("version 9"));
    }
}
