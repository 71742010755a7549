//! `.safetensors` files that lie.

use std::io::Write as _;

use crate::check::{case, check, frugal};
use crate::common::safetensors;

fn place(name: &str, ty: &str, shape: &str, begin: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{ty}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
}

fn file(places: &[String], data: usize) -> Vec<u8> {
    safetensors(&format!("{{{}}}", places.join(",")), &vec![0; data])
}

#[test]
fn headers_that_lie() {
    let softmax = "--loss softmax-ce";
    let logits = || place("logits", "F32", "[1,2]", 0, 8);
    let targets = || place("targets", "I64", "[1]", 8, 16);
    let shaped = |shape| file(&[place("logits", "F32", shape, 0, 8), targets()], 16);
    let claims = |length: u64, rest: &[u8]| [&length.to_le_bytes(), rest].concat();
    let many = format!("[{}1]", "1,".repeat(40));
    check(&[
        case("a.safetensors", claims(u64::MAX, b"{}"), softmax, &["header should have 18446744073709551615 bytes"]),
        case("a.safetensors", claims(1 << 40, &[b' '; 1000]), softmax, &["header should have 1099511627776 bytes"]),
        case("a.safetensors", claims(3, b"{}"), softmax, &["header should have 3 bytes, 2 follow"]),
        case("a.safetensors", b"\0\0\0".to_vec(), softmax, &["has only 3 bytes"]),
        case("a.safetensors", claims(0, b""), softmax, &["damaged: header"]),
        case("a.safetensors", claims(2, b"{}"), softmax, &["no tensor 'logits': the file has no tensors"]),
        case(
            "a.safetensors",
            shaped("[4294967296,1048576]"),
            softmax,
            &["'logits'", "needs 18014398509481984 bytes and has 8"],
        ),
        case("a.safetensors", shaped("[9223372036854775807,4]"), softmax, &["'logits' has the impossible shape"]),
        case(
            "a.safetensors",
            shaped("[18446744073709551616,1]"),
            softmax,
            &["damaged: header", "1.8446744073709552e+19"],
        ),
        case("a.safetensors", shaped("[-1,2]"), softmax, &["damaged: header", "-1"]),
        case("a.safetensors", shaped("[1.0,2]"), softmax, &["damaged: header", "1.0"]),
        case("a.safetensors", shaped("[1,3]"), softmax, &["'logits' (f32 [1, 3]) needs 12 bytes and has 8"]),
        case("a.safetensors", shaped("[0,2]"), softmax, &["'logits' (f32 [0, 2]) needs 0 bytes and has 8"]),
        case("a.safetensors", shaped(&many), softmax, &["damaged: header", "more than 32 dimensions"]),
        case("a.safetensors", shaped("null"), softmax, &["damaged: header", "a list of lengths"]),
        case("a.safetensors", file(&[logits(), targets()], 17), softmax, &["end at byte 16 of the data, which has 17"]),
        case("a.safetensors", file(&[logits(), targets()], 15), softmax, &["'targets' lies at bytes 8..16", "has 15"]),
        case(
            "a.safetensors",
            file(&[place("logits", "F32", "[1,2]", 0, 1 << 62), targets()], 16),
            softmax,
            &["'logits' lies at bytes 0..4611686018427387904"],
        ),
        case(
            "a.safetensors",
            file(&[place("logits", "F32", "[1,2]", 8, 0), targets()], 16),
            softmax,
            &["'logits' begins at byte 8 and ends before it"],
        ),
        case(
            "a.safetensors",
            file(&[logits(), place("targets", "I64", "[1]", 9, 17)], 17),
            softmax,
            &["'targets'", "leaves a gap"],
        ),
        case(
            "a.safetensors",
            file(&[logits(), place("targets", "I64", "[1]", 4, 12)], 12),
            softmax,
            &["'targets'", "overlaps"],
        ),
        case(
            "a.safetensors",
            file(&[logits(), place("logits", "F32", "[1,2]", 8, 16)], 16),
            softmax,
            &["holds the tensor 'logits' twice"],
        ),
        case(
            "a.safetensors",
            file(&[logits(), place(r"l\u006fgits", "F32", "[1,2]", 8, 16)], 16),
            softmax,
            &["holds the tensor 'logits' twice"],
        ),
        case(
            "a.safetensors",
            file(&[place("logits", "I64", "[1,1]", 0, 8), targets()], 16),
            softmax,
            &["'logits' is i64"],
        ),
        case(
            "a.safetensors",
            file(&[place("logits", "F8_E4M3", "[4,2]", 0, 8), targets()], 16),
            softmax,
            &["'logits' is F8_E4M3, expected f32, f16, bf16 or f64"],
        ),
    ]);
}

#[test]
fn headers_that_are_no_header() {
    let softmax = "--loss softmax-ce";
    let headed = |header: &str| safetensors(header, &[]);
    let deep = format!("{{\"__metadata__\":{}}}", "[".repeat(1 << 20));
    let mut garbled = headed(r#"{"logits":0}"#);
    garbled[10] = 0xff;
    check(&[
        case("a.safetensors", garbled, softmax, &["damaged: header"]),
        case("a.safetensors", headed(&deep), softmax, &["damaged: header"]),
        case("a.safetensors", headed(&"{\"a\":".repeat(1 << 18)), softmax, &["damaged: header"]),
        case("a.safetensors", headed("[]"), softmax, &["an object that names the tensors"]),
        case("a.safetensors", headed(r#"{"logits":{}}"#), softmax, &["damaged: header", "missing field"]),
        case(
            "a.safetensors",
            headed(r#"{"logits":{"dtype":"F32","shape":[],"data_offsets":[0]}}"#),
            softmax,
            &["header"],
        ),
        case("a.safetensors", headed("{}{}"), softmax, &["damaged: header", "trailing"]),
        case("a.safetensors", headed(&" ".repeat(5 << 20)), softmax, &["has a header of 5242880 bytes"]),
    ]);
}

/// Headers as large as they may be, of tensors as small as they may be, and one that is too large and really there.
#[test]
fn large_headers_cost_little() {
    let directory = tempfile::tempdir().expect("a directory");
    let places: Vec<String> = (0..(4 << 20) / 56).map(|at| place(&format!("{at:x}"), "", "[]", 0, 0)).collect();
    std::fs::write(directory.path().join("many.safetensors"), file(&places, 0)).expect("writable");
    let mut long = std::fs::File::create(directory.path().join("long.safetensors")).expect("writable");
    long.write_all(&(100_u64 << 20).to_le_bytes()).expect("writable");
    long.set_len((100 << 20) + 8).expect("writable");
    for (name, words) in [
        ("many.safetensors", "no tensor 'logits': the file has 0, 1, 2,"),
        ("long.safetensors", "has a header of 104857600 bytes: at most 4194304 are read"),
    ] {
        let ended = frugal(directory.path(), &format!("run {name} --loss softmax-ce"));
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}
