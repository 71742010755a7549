//! Reads `.safetensors`: a length, a JSON header that places every tensor, and the data without gaps or overlaps.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::{Tensor, Tensors, Type, elements, read_bytes, shortened};
use crate::failure::io_message;

/// The longest header that is read. Real ones have some hundred bytes a tensor.
const MAX_HEADER: u64 = 16 << 20;

/// Where a tensor lies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// The header, in the file's order.
struct Header(Vec<(String, Place)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object that names the tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut seen = HashSet::new();
        let mut places = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(serde::de::Error::custom(format!("the name '{}' appears twice", shortened(&name))));
            }
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                places.push((name, map.next_value()?));
            }
        }
        Ok(Header(places))
    }
}

/// Reads the wanted tensors of a file of `length` bytes.
pub(super) fn read(mut reader: impl Read + Seek, length: u64, wanted: &[&str]) -> Result<Tensors, String> {
    let Header(places) = header(&mut reader, length)?;
    let start = reader.stream_position().map_err(|e| io_message(&e))?;
    check_places(&places, length.saturating_sub(start))?;

    let mut tensors = Tensors { names: places.iter().map(|(name, _)| name.clone()).collect(), ..Tensors::default() };
    for (name, place) in places {
        if !wanted.contains(&name.as_str()) {
            continue;
        }
        let (begin, end) = place.data_offsets;
        reader.seek(SeekFrom::Start(start + begin)).map_err(|e| io_message(&e))?;
        let count = usize::try_from(end - begin).map_err(|_| format!("tensor '{name}' does not fit in memory"))?;
        let bytes = read_bytes(&mut reader, count).map_err(|e| format!("tensor '{name}' {e}"))?;
        tensors.found.insert(name, Tensor { ty: named(&place.dtype), shape: place.shape, fortran: false, bytes });
    }
    Ok(tensors)
}

fn header(reader: &mut impl Read, length: u64) -> Result<Header, String> {
    let mut prefix = [0; 8];
    reader.read_exact(&mut prefix).map_err(|_| format!("is no .safetensors file: it has only {length} bytes"))?;
    let claimed = u64::from_le_bytes(prefix);
    // A text file or another format gives a length beyond all measure here.
    if claimed > length.saturating_sub(8) {
        return Err(format!(
            "is truncated or no .safetensors file: its header should have {claimed} bytes, {} follow",
            length.saturating_sub(8)
        ));
    }
    if claimed > MAX_HEADER {
        return Err(format!("has a header of {claimed} bytes: at most {MAX_HEADER} are read"));
    }
    // At most 16 MiB, so that the cast is safe.
    let json = read_bytes(reader, claimed as usize).map_err(|e| format!("header {e}"))?;
    serde_json::from_slice(&json).map_err(|e| format!("is no .safetensors file, or damaged: header: {e}"))
}

/// Checks that every tensor has the bytes that its type and shape ask for, and that all together fill the data.
fn check_places(places: &[(String, Place)], available: u64) -> Result<(), String> {
    for (name, place) in places {
        let name = shortened(name);
        let (begin, end) = place.data_offsets;
        if begin > end {
            return Err(format!("tensor '{name}' begins at byte {begin} and ends before it, at {end}"));
        }
        if end > available {
            return Err(format!(
                "tensor '{name}' lies at bytes {begin}..{end} of the data, which has {available}: the file is truncated or damaged"
            ));
        }
        let count = elements(&place.shape).map_err(|e| format!("tensor '{name}' {e}"))?;
        if let Some(size) = named(&place.dtype).size() {
            let needed = count.checked_mul(size).map(|n| n as u64);
            if needed != Some(end - begin) {
                return Err(format!(
                    "tensor '{name}' ({} {:?}) needs {} bytes and has {}",
                    place.dtype,
                    place.shape,
                    needed.map_or_else(|| "too many".into(), |n| n.to_string()),
                    end - begin
                ));
            }
        }
    }
    let mut by_offset: Vec<&(String, Place)> = places.iter().collect();
    by_offset.sort_by_key(|(_, place)| place.data_offsets);
    let mut covered = 0;
    for (name, place) in by_offset {
        let (begin, end) = place.data_offsets;
        if begin != covered {
            let fault = if begin < covered { "overlaps the one before it" } else { "leaves a gap before it" };
            return Err(format!("tensor '{}' at bytes {begin}..{end} of the data {fault}", shortened(name)));
        }
        covered = end;
    }
    if covered != available {
        return Err(format!("the tensors end at byte {covered} of the data, which has {available}"));
    }
    Ok(())
}

fn named(dtype: &str) -> Type {
    match dtype {
        "BOOL" => Type::Bool,
        "U8" => Type::U8,
        "I8" => Type::I8,
        "U16" => Type::U16,
        "I16" => Type::I16,
        "U32" => Type::U32,
        "I32" => Type::I32,
        "U64" => Type::U64,
        "I64" => Type::I64,
        "F16" => Type::F16,
        "BF16" => Type::Bf16,
        "F32" => Type::F32,
        "F64" => Type::F64,
        other => Type::Other(shortened(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn read_all(bytes: &[u8]) -> Result<Tensors, String> {
        read(std::io::Cursor::new(bytes), bytes.len() as u64, &["a", "b"])
    }

    fn refused(header: &str, data: &[u8], words: &str) {
        let error = read_all(&file(header, data)).unwrap_err();
        assert!(error.contains(words), "{header}: {error}");
    }

    #[test]
    fn wanted_tensors_are_read_and_others_listed() {
        let header = r#"{"__metadata__":{"x":"y"},"z":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]},
            "a":{"dtype":"U8","shape":[2,1],"data_offsets":[1,3]}}"#;
        let tensors = read_all(&file(header, &[7, 8, 9])).unwrap();
        assert_eq!(tensors.names, ["z", "a"]);
        let expected = Tensor { ty: Type::U8, shape: vec![2, 1], fortran: false, bytes: vec![8, 9] };
        assert_eq!(tensors.found.into_iter().collect::<Vec<_>>(), [("a".to_string(), expected)]);
    }

    #[test]
    fn damaged_headers_are_refused_by_what_is_wrong() {
        let a = r#""a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#;
        refused(&format!("{{{a},{a}}}"), &[0, 0], "'a' appears twice");
        let overlap = r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#;
        refused(overlap, &[0; 3], "'b' at bytes 1..3 of the data overlaps");
        refused(r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, &[0; 2], "leaves a gap");
        refused(&format!("{{{a}}}"), &[0; 3], "end at byte 2 of the data, which has 3");
        refused(&format!("{{{a}}}"), &[0; 1], "truncated");
        refused(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,2]}}"#, &[0; 2], "needs 8 bytes and has 2");
        refused(r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#, &[0; 2], "ends before it");
        let huge = r#"{"a":{"dtype":"U8","shape":[9223372036854775807,4,0],"data_offsets":[0,0]}}"#;
        refused(huge, &[], "impossible shape");
        refused(r#"{"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}"#, &[0; 2], "header");
        refused(r#"{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, &[0; 2], "duplicate field");
        refused(r#"["a"]"#, &[], "an object that names the tensors");
        refused("", &[], "header");
    }

    #[test]
    fn headers_that_claim_more_than_the_file_has_cost_nothing() {
        for claimed in [u64::MAX, 1 << 40, 9] {
            let mut bytes = claimed.to_le_bytes().to_vec();
            bytes.extend_from_slice(b"{}");
            assert!(read_all(&bytes).unwrap_err().contains("truncated"));
        }
        assert!(read_all(b"abc").unwrap_err().contains("only 3 bytes"));
        assert!(read_all(&[b' '; 8 << 20]).unwrap_err().contains("truncated or no .safetensors"));
    }
}
