//! Where the tensors come from: a file, or standard input.

use std::io::{IsTerminal as _, Read, Write as _};
use std::path::Path;

use crate::failure::{Failure, io_message};
use crate::input::{self, Tensors};

/// The most bytes that are taken from standard input.
const MOST: u64 = 16 << 30;

/// The name of an input in messages.
pub(crate) fn shown(path: &Path) -> &Path {
    if is_standard(path) { Path::new("standard input") } else { path }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads those tensors whose names are wanted.
pub(crate) fn read(path: &Path, wanted: &[&str]) -> Result<Tensors, Failure> {
    if !is_standard(path) {
        return input::read(path, wanted);
    }
    let standard = std::io::stdin();
    if standard.is_terminal() {
        let message = "is a terminal: pipe a .safetensors or .npz file into it, or name one in place of -";
        return Err(Failure::file(shown(path), message));
    }
    let file = spooled(&mut standard.lock(), MOST).map_err(|e| Failure::file(shown(path), e))?;
    input::read_as(file.path(), shown(path), wanted)
}

/// Puts a stream into a temporary file, since archives are read from their ends; the first bytes tell its name.
fn spooled(stream: &mut impl Read, most: u64) -> Result<tempfile::NamedTempFile, String> {
    let failed = |e: std::io::Error| io_message(&e);
    let mut head = Vec::new();
    stream.by_ref().take(9).read_to_end(&mut head).map_err(failed)?;
    let suffix = match head.as_slice() {
        [] => return Err("is empty".into()),
        [b'P', b'K', ..] => ".npz",
        // The length of the header, and its first byte.
        [_, _, _, _, _, _, _, _, b'{'] => ".safetensors",
        [0x93, b'N', b'U', b'M', ..] => {
            return Err("is one .npy array without a name: numpy.savez writes several with theirs".into());
        }
        _ => return Err("begins neither as .safetensors nor as .npz does".into()),
    };
    let temporary = |e: std::io::Error| format!("a temporary file for it: {}", io_message(&e));
    let mut file = tempfile::Builder::new().prefix("gpu-loss-").suffix(suffix).tempfile().map_err(temporary)?;
    file.write_all(&head).map_err(temporary)?;
    let copied = std::io::copy(&mut stream.take(most - head.len() as u64 + 1), &mut file).map_err(temporary)?;
    if copied + head.len() as u64 > most {
        return Err(format!("goes on after {} GiB: name a file in place of -", most >> 30));
    }
    file.flush().map_err(temporary)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(mut bytes: &[u8]) -> String {
        spooled(&mut bytes, MOST).map(|file| file.path().to_owned()).expect_err("refused")
    }

    #[test]
    fn the_first_bytes_tell_the_format() {
        let suffix = |mut bytes: &[u8]| {
            let file = spooled(&mut bytes, MOST).expect("a file");
            file.path().extension().expect("an extension").to_owned()
        };
        assert_eq!(suffix(b"PK\x03\x04 and the rest"), "npz");
        assert_eq!(suffix(b"\x02\0\0\0\0\0\0\0{}"), "safetensors");
        assert!(refused(b"").contains("is empty"));
        assert!(refused(b"\x93NUMPY\x01\x00v\x00").contains("numpy.savez"));
        assert!(refused(b"logits,targets\n1,2\n").contains("neither"));
    }

    #[test]
    fn a_stream_without_an_end_is_left_in_time() {
        let error = spooled(&mut b"PK".chain(std::io::repeat(0)), 4 << 20).unwrap_err();
        assert!(error.contains("goes on after"), "{error}");
    }
}
