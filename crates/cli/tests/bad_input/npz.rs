//! `.npz` files that lie.

use std::io::{Cursor, Write as _};

use zip::CompressionMethod::Stored;

use crate::check::{case, check};
use crate::common::{npy, npz_of};

fn labels() -> Vec<u8> {
    npy("'<i8'", "False", "(1,)", &[0; 8])
}

/// Scores with this header and data, and one label.
fn logits(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npz_of(&[("logits", npy(descr, order, shape, data)), ("targets", labels())])
}

fn good() -> Vec<u8> {
    logits("'<f4'", "False", "(1, 2)", &[0; 8])
}

/// An archive whose members have these names.
fn named(names: [&str; 2]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(Stored);
    for (name, array) in names.into_iter().zip([npy("'<f4'", "False", "(1, 2)", &[0; 8]), labels()]) {
        writer.start_file(name, options).expect("a new name");
        writer.write_all(&array).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// The archive with this done to its directory, from each entry's beginning.
fn with_directory(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut archive = good();
    let begins: Vec<usize> = (0..archive.len()).filter(|at| archive[*at..].starts_with(b"PK\x01\x02")).collect();
    begins.into_iter().for_each(|at| change(&mut archive[at..]));
    archive
}

#[test]
fn headers_that_lie() {
    let softmax = "--loss softmax-ce";
    let plain = |descr, data: &[u8]| logits(descr, "False", "(1, 2)", data);
    let shaped = |shape| logits("'<f4'", "False", shape, &[0; 8]);
    let raw = |array: &[u8]| npz_of(&[("logits", array.to_vec()), ("targets", labels())]);
    let deep = format!("({}1)", "1, ".repeat(100));
    check(&[
        case("a.npz", shaped("(1, 99999999999)"), softmax, &["'logits'", "would take 399999999996 bytes"]),
        case("a.npz", shaped("(9999999999, 9999999999)"), softmax, &["'logits'", "impossible shape"]),
        case("a.npz", shaped("(4294967296, 4294967296, 0)"), softmax, &["'logits'", "impossible shape"]),
        case("a.npz", shaped("(0, 99999999999)"), softmax, &["'logits' holds more than the 0 bytes"]),
        case("a.npz", shaped("(-1, 2)"), softmax, &["'logits' has a header that is not understood"]),
        case("a.npz", shaped("(1.0, 2)"), softmax, &["'logits' has a header that is not understood"]),
        case("a.npz", shaped("(99999999999999999999, 2)"), softmax, &["'logits' has a header that is not understood"]),
        case("a.npz", logits("'<f4'", "False", &deep, &[0; 4]), softmax, &["'logits' has more than 32 dimensions"]),
        case("a.npz", shaped("(1, 3)"), softmax, &["'logits' ends after 8 of 12 bytes"]),
        case("a.npz", shaped("(1, 1)"), softmax, &["'logits' holds more than the 4 bytes"]),
        case("a.npz", plain("'|O'", b"cos\nsystem\n"), softmax, &["'logits'", "Python objects"]),
        case("a.npz", plain("[('x', '<f4')]", &[0; 8]), softmax, &["'logits'", "structured"]),
        case("a.npz", plain("'<c8'", &[0; 16]), softmax, &["'logits'", "<c8"]),
        case("a.npz", plain("'<M8[ns]'", &[0; 16]), softmax, &["'logits'", "<M8[ns]"]),
        case("a.npz", plain("'|V2'", &[0; 4]), softmax, &["'logits'", "V2", "bf16", ".safetensors"]),
        case("a.npz", raw(b"\x93NUMPY\x09\x00"), softmax, &["'logits' has the .npy version 9"]),
        case("a.npz", raw(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"), softmax, &["'logits' has a header of 4294967295"]),
        case("a.npz", raw(b"\x93NUMPY\x01\x00\xff\xff{"), softmax, &["'logits' is truncated inside its header"]),
        case("a.npz", raw(b"\x93NUMPY\x01\x00\x02\x00{\xff"), softmax, &["'logits' has a header that is no text"]),
        case("a.npz", raw(b"hello"), softmax, &["'logits' is truncated"]),
    ]);
}

#[test]
fn archives_that_lie() {
    let softmax = "--loss softmax-ce";
    let twice = named(["logits.npy", "logits"]);
    let nested = named(["model/logits.npy", "targets.npy"]);
    let upper = named(["Logits.npy", "targets.npy"]);
    let mut claims = good();
    let end = claims.len() - 22;
    claims[end + 8..end + 12].fill(0xfe);
    let mut damaged = good();
    damaged[60] ^= 1;
    check(&[
        case("a.npz", twice, softmax, &["a.npz: holds the array 'logits' twice"]),
        case("a.npz", nested, softmax, &["no tensor 'logits'", "model/logits"]),
        case("a.npz", upper, softmax, &["unknown tensor 'Logits'", "'logits'?"]),
        case("a.npz", with_directory(|entry| entry[8] |= 1), softmax, &["'logits' is encrypted"]),
        case("a.npz", with_directory(|entry| entry[10] = 12), softmax, &["ZIP's method 12"]),
        case("a.npz", with_directory(|entry| entry[16] ^= 1), softmax, &["'logits'", "checksum"]),
        case("a.npz", with_directory(|entry| entry[20..28].fill(0xff)), softmax, &["damaged: a size in its directory"]),
        case("a.npz", with_directory(|entry| entry[42] = 3), softmax, &["'logits' is damaged: nothing lies"]),
        case("a.npz", with_directory(|entry| entry[45] = 0x7f), softmax, &["'logits' is"]),
        case("a.npz", with_directory(|entry| entry[23] = 0x7f), softmax, &["'logits' is truncated"]),
        case("a.npz", claims, softmax, &["a.npz: is no .npz file, or damaged"]),
        case("a.npz", damaged, softmax, &["'logits'"]),
    ]);
}

/// More zeros than may be unpacked, in a megabyte.
fn bomb(shape: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("logits.npy", zip::write::SimpleFileOptions::default()).expect("a new entry");
    writer.write_all(&npy("'<f4'", "False", shape, &[])).expect("memory");
    let zeros = vec![0; 1 << 22];
    (0..64).for_each(|_| writer.write_all(&zeros).expect("memory"));
    writer.start_file("targets.npy", zip::write::SimpleFileOptions::default()).expect("a new entry");
    writer.write_all(&labels()).expect("memory");
    writer.finish().expect("memory").into_inner()
}

/// As much as may be unpacked, with one label that is wrong.
fn largest() -> Vec<u8> {
    let rows = 7 << 17;
    let scores = npy("'<f4'", "False", &format!("({rows}, 8)"), &vec![0; rows * 32]);
    let mut classes = vec![0; rows];
    classes[rows - 1] = 8;
    npz_of(&[("logits", scores), ("targets", npy("'|u1'", "False", &format!("({rows},)"), &classes))])
}

#[test]
fn bombs_are_refused_unexploded() {
    let softmax = "--loss softmax-ce";
    check(&[
        case("a.npz", bomb("(65536, 1024)"), softmax, &["'logits'", "would take 268435456 bytes", "32 MiB"]),
        case("a.npz", bomb("(1, 5)"), softmax, &["'logits' holds more than the 20 bytes"]),
        case("a.npz", largest(), softmax, &["row 917503: class 8 is outside 0..8 (1 such rows)"]),
    ]);
}
