//! A ZIP archive's directory, gone through member by member, and the bytes of one member.
//!
//! Nothing is kept of members that nobody asked for, and no count or size that the archive claims reserves memory.

use std::io::{Read, Seek, SeekFrom};

use flate2::CrcReader;
use flate2::read::DeflateDecoder;

use super::fields::Fields;
use crate::failure::io_message;

/// The end record without its comment.
const END: usize = 22;

/// The end record with the longest comment.
const MAX_TAIL: u64 = END as u64 + u16::MAX as u64;

/// A member as the directory describes it.
pub(super) struct Member {
    pub(super) name: String,
    encrypted: bool,
    method: u16,
    checksum: u32,
    packed: u64,
    size: u64,
    at: u64,
}

/// Shows every member of an archive of `length` bytes to `visit`, and returns where their data ends.
pub(super) fn members(
    reader: &mut (impl Read + Seek),
    length: u64,
    mut visit: impl FnMut(Member) -> Result<(), String>,
) -> Result<u64, String> {
    let Directory { at, bytes, count } = directory(reader, length)?;
    seek(reader, at)?;
    let mut entries = reader.by_ref().take(bytes);
    for _ in 0..count {
        visit(member(&mut entries)?)?;
    }
    if entries.limit() > 0 {
        return Err(damaged(&format!("its directory has {} bytes behind its {count} members", entries.limit())));
    }
    Ok(at)
}

/// A member's unpacked bytes, from an archive whose data ends at `end`.
pub(super) fn unpack<'r>(
    reader: &'r mut (impl Read + Seek),
    member: &Member,
    end: u64,
) -> Result<CrcReader<Box<dyn Read + 'r>>, String> {
    if member.encrypted {
        return Err("is encrypted: save it without a password".into());
    }
    if member.method == 0 && member.packed != member.size {
        return Err(format!("is damaged: stored, it takes {} bytes for its {}", member.packed, member.size));
    }
    seek(reader, member.at)?;
    let header: [u8; 30] = exact(reader)?;
    let mut fields = Fields(&header);
    let mut lengths = || {
        fields.signature(b"PK\x03\x04")?;
        fields.skip(22)?;
        Some((fields.u16()?, fields.u16()?))
    };
    let (name, extra) = lengths().ok_or("is damaged: nothing lies where the directory places it")?;
    let begin = member.at.saturating_add(30).saturating_add(name.into()).saturating_add(extra.into());
    if begin.saturating_add(member.packed) > end {
        return Err(format!("is truncated: its {} bytes lie past the end of the data", member.packed));
    }
    seek(reader, begin)?;
    let packed = reader.take(member.packed);
    let unpacked: Box<dyn Read> = match member.method {
        0 => Box::new(packed),
        8 => Box::new(DeflateDecoder::new(packed)),
        other => return Err(format!("is compressed by ZIP's method {other}: stored and deflated arrays are read")),
    };
    Ok(CrcReader::new(unpacked))
}

impl Member {
    /// Whether bytes with this checksum are the member's.
    pub(super) fn is(&self, checksum: u32) -> bool {
        self.checksum == checksum
    }
}

/// Where the directory lies, and how many members it has.
struct Directory {
    at: u64,
    bytes: u64,
    count: u64,
}

/// Finds the directory by the record at the archive's end.
fn directory(reader: &mut (impl Read + Seek), length: u64) -> Result<Directory, String> {
    // A comment may follow the record.
    let tail_at = length.saturating_sub(MAX_TAIL);
    seek(reader, tail_at)?;
    let mut tail = Vec::new();
    reader.by_ref().take(MAX_TAIL).read_to_end(&mut tail).map_err(|e| io_message(&e))?;
    let ends = |(at, record): &(usize, &[u8])| {
        let comment = record.last_chunk().map(|bytes| usize::from(u16::from_le_bytes(*bytes)));
        record.starts_with(b"PK\x05\x06")
            && tail.len().checked_sub(END).and_then(|rest| rest.checked_sub(*at)) == comment
    };
    let (at, record) =
        tail.windows(END).enumerate().rev().find(ends).ok_or_else(|| damaged("it has no directory at its end"))?;
    let end = tail_at.saturating_add(at as u64);
    let short = end_record(record).ok_or_else(|| damaged("its directory is in another file"))?;
    let marked = short.count == u64::from(u16::MAX) || short.bytes.max(short.at) == u64::from(u32::MAX);
    let (directory, end) = match end.checked_sub(20).filter(|_| marked) {
        Some(locator) => long_record(reader, locator)?.unwrap_or((short, end)),
        None => (short, end),
    };
    if directory.at.checked_add(directory.bytes).is_none_or(|directory_end| directory_end > end) {
        return Err(damaged("its directory lies outside it"));
    }
    Ok(directory)
}

fn end_record(record: &[u8]) -> Option<Directory> {
    let mut fields = Fields(record);
    fields.signature(b"PK\x05\x06")?;
    let (disk, directory_disk) = (fields.u16()?, fields.u16()?);
    let (here, count) = (fields.u16()?, fields.u16()?);
    let (bytes, at) = (fields.u32()?, fields.u32()?);
    (disk == directory_disk && here == count).then_some(Directory {
        at: at.into(),
        bytes: bytes.into(),
        count: count.into(),
    })
}

/// The record of an archive whose numbers need 64 bits, with its own place; `None` if there is none.
fn long_record(reader: &mut (impl Read + Seek), locator: u64) -> Result<Option<(Directory, u64)>, String> {
    seek(reader, locator)?;
    let bytes: [u8; 20] = exact(reader)?;
    let mut fields = Fields(&bytes);
    let mut place = || {
        fields.signature(b"PK\x06\x07")?;
        fields.skip(4)?;
        fields.u64()
    };
    let Some(at) = place().filter(|at| *at < locator) else { return Ok(None) };
    seek(reader, at)?;
    let record: [u8; 56] = exact(reader)?;
    let mut fields = Fields(&record);
    let mut directory = || {
        fields.signature(b"PK\x06\x06")?;
        fields.skip(28)?;
        let count = fields.u64()?;
        let bytes = fields.u64()?;
        Some(Directory { at: fields.u64()?, bytes, count })
    };
    Ok(directory().map(|directory| (directory, at)))
}

/// Reads one entry of the directory.
fn member(entries: &mut impl Read) -> Result<Member, String> {
    let entry: [u8; 46] = exact(entries)?;
    let mut fields = Fields(&entry);
    let mut fixed = || {
        fields.signature(b"PK\x01\x02")?;
        fields.skip(4)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.skip(4)?;
        let checksum = fields.u32()?;
        let (packed, size) = (fields.u32()?.into(), fields.u32()?.into());
        let lengths = [fields.u16()?, fields.u16()?, fields.u16()?].map(u64::from);
        fields.skip(8)?;
        // Bits 0, 6 and 13 are three ways to encrypt.
        let encrypted = flags & 0x2041 != 0;
        let at = fields.u32()?.into();
        Some((Member { name: String::new(), encrypted, method, checksum, packed, size, at }, lengths))
    };
    let (mut member, [name, extra, comment]) = fixed().ok_or_else(|| damaged("its directory is garbled"))?;
    let mut text = |length: u64| -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let got = entries.take(length).read_to_end(&mut bytes).map_err(|e| io_message(&e))?;
        if got as u64 == length { Ok(bytes) } else { Err(damaged("its directory ends early")) }
    };
    member.name = String::from_utf8_lossy(&text(name)?).into_owned();
    widen(&mut member, &text(extra)?).ok_or_else(|| damaged("a size in its directory is missing"))?;
    text(comment)?;
    Ok(member)
}

/// Replaces numbers that are marked as too large for 32 bits by those of the extra field for them.
fn widen(member: &mut Member, extra: &[u8]) -> Option<()> {
    let marked = |number: u64| number == u64::from(u32::MAX);
    if ![member.size, member.packed, member.at].into_iter().any(marked) {
        return Some(());
    }
    let mut fields = Fields(extra);
    loop {
        let (kind, length) = (fields.u16()?, fields.u16()?);
        if kind == 1 {
            break;
        }
        fields.skip(length.into())?;
    }
    for number in [&mut member.size, &mut member.packed, &mut member.at] {
        if marked(*number) {
            *number = fields.u64()?;
        }
    }
    Some(())
}

fn seek(reader: &mut impl Seek, to: u64) -> Result<(), String> {
    reader.seek(SeekFrom::Start(to)).map(drop).map_err(|e| io_message(&e))
}

fn exact<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(|e| damaged(&io_message(&e)))?;
    Ok(bytes)
}

fn damaged(what: &str) -> String {
    format!("is no .npz file, or damaged: {what}")
}
