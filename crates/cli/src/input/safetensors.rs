//! Reads `.safetensors`: a length, a JSON header that places every tensor, and the data without gaps or overlaps.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{MAX_DIMENSIONS, Tensor, Tensors, Type, elements, read_bytes, shortened};
use crate::failure::io_message;

/// The longest header that is read. Real ones have some hundred bytes a tensor.
const MAX_HEADER: u64 = 4 << 20;

/// A tensor, and where it lies.
struct Entry<'a> {
    name: Cow<'a, str>,
    ty: Type,
    shape: Vec<usize>,
    begin: u64,
    end: u64,
}

/// The header, in the file's order.
struct Header<'a>(Vec<Entry<'a>>);

/// A value of the header as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place<'a> {
    #[serde(borrow)]
    dtype: Cow<'a, str>,
    shape: Dimensions,
    data_offsets: (u64, u64),
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A shape: a list that is refused as soon as it is too long.
struct Dimensions(Vec<usize>);

impl<'de> Deserialize<'de> for Header<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object that names the tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                let Place { dtype, shape: Dimensions(shape), data_offsets: (begin, end) } = map.next_value()?;
                entries.push(Entry { name, ty: named(&dtype), shape, begin, end });
            }
        }
        Ok(Header(entries))
    }
}

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DimensionsVisitor)
    }
}

struct DimensionsVisitor;

impl<'de> Visitor<'de> for DimensionsVisitor {
    type Value = Dimensions;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of lengths")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Dimensions, A::Error> {
        let mut lengths = Vec::new();
        while let Some(length) = seq.next_element()? {
            if lengths.len() == MAX_DIMENSIONS {
                return Err(A::Error::custom(format!("a shape has more than {MAX_DIMENSIONS} dimensions")));
            }
            lengths.push(length);
        }
        Ok(Dimensions(lengths))
    }
}

/// Reads the wanted tensors of a file of `length` bytes.
pub(super) fn read(mut reader: impl Read + Seek, length: u64, wanted: &[&str]) -> Result<Tensors, String> {
    let json = header(&mut reader, length)?;
    let Header(entries) = serde_json::from_slice(&json).map_err(|e| {
        let what: String = e.to_string().chars().take(200).collect();
        format!("is no .safetensors file, or damaged: header: {what}")
    })?;
    let start = (json.len() as u64).saturating_add(8);
    check_names(&entries)?;
    check_places(&entries, length.saturating_sub(start))?;

    let mut tensors = Tensors::default();
    entries.iter().for_each(|entry| tensors.list(&entry.name));
    for Entry { name, ty, shape, begin, end } in entries {
        if !wanted.contains(&&*name) {
            continue;
        }
        // Checked: the tensor lies inside of the file.
        reader.seek(SeekFrom::Start(start.saturating_add(begin))).map_err(|e| io_message(&e))?;
        let count = usize::try_from(end.saturating_sub(begin)).unwrap_or(usize::MAX);
        let bytes = read_bytes(&mut reader, count).map_err(|e| format!("tensor '{name}' {e}"))?;
        tensors.found.insert(name.into(), Tensor { ty, shape, fortran: false, bytes });
    }
    Ok(tensors)
}

/// The header's text.
fn header(reader: &mut impl Read, length: u64) -> Result<Vec<u8>, String> {
    let mut prefix = [0; 8];
    reader.read_exact(&mut prefix).map_err(|_| format!("is no .safetensors file: it has only {length} bytes"))?;
    let claimed = u64::from_le_bytes(prefix);
    let follow = length.saturating_sub(8);
    // A text file or another format gives a length beyond all measure here.
    if claimed > follow {
        return Err(format!(
            "is truncated or no .safetensors file: its header should have {claimed} bytes, {follow} follow"
        ));
    }
    if claimed > MAX_HEADER {
        return Err(format!("has a header of {claimed} bytes: at most {MAX_HEADER} are read"));
    }
    // At most 4 MiB, so that the cast is safe.
    read_bytes(reader, claimed as usize).map_err(|e| format!("header {e}"))
}

fn check_names(entries: &[Entry<'_>]) -> Result<(), String> {
    let mut names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    names.sort_unstable();
    match names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b) {
        Some((name, _)) => Err(format!("holds the tensor '{}' twice", shortened(name))),
        None => Ok(()),
    }
}

/// Checks that every tensor has the bytes that its type and shape ask for, and that all together fill the data.
fn check_places(entries: &[Entry<'_>], available: u64) -> Result<(), String> {
    for Entry { name, ty, shape, begin, end } in entries {
        let name = shortened(name);
        let Some(held) = end.checked_sub(*begin) else {
            return Err(format!("tensor '{name}' begins at byte {begin} and ends before it, at {end}"));
        };
        if *end > available {
            return Err(format!(
                "tensor '{name}' lies at bytes {begin}..{end} of the data, which has {available}: the file is truncated or damaged"
            ));
        }
        let count = elements(shape).map_err(|e| format!("tensor '{name}' {e}"))?;
        if let Some(size) = ty.size() {
            let needed = count.checked_mul(size).map(|n| n as u64);
            if needed != Some(held) {
                return Err(format!(
                    "tensor '{name}' ({} {shape:?}) needs {} bytes and has {held}",
                    ty.name(),
                    needed.map_or_else(|| "too many".into(), |n| n.to_string())
                ));
            }
        }
    }
    let mut by_offset: Vec<&Entry<'_>> = entries.iter().collect();
    by_offset.sort_unstable_by_key(|entry| (entry.begin, entry.end));
    let mut covered = 0;
    for Entry { name, begin, end, .. } in by_offset {
        if *begin != covered {
            let fault = if *begin < covered { "overlaps the one before it" } else { "leaves a gap before it" };
            return Err(format!("tensor '{}' at bytes {begin}..{end} of the data {fault}", shortened(name)));
        }
        covered = *end;
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
        refused(&format!("{{{a},{a}}}"), &[0, 0], "'a' twice");
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
