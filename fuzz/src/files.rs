//! Files: reading allocates no more than twice a file's size and a fixed bound, and what could be read can be computed.

use std::io::{Cursor, Write as _};

use gpu_loss_cli::hostile::{Format, read};

use super::guard::height;

/// What reading may allocate beyond twice the file's size. Deflated arrays may use the half of it.
const BOUND: usize = 1 << 20;

/// Reads bytes as a file of this format.
pub fn file(format: Format, bytes: &[u8]) {
    let (result, most) = height(|| read(format, bytes, BOUND as u64 / 2));
    assert!(most <= 2 * bytes.len() + BOUND, "{} bytes of a file made {most} bytes of allocations", bytes.len());
    match result {
        Ok(file) => {
            assert!(format == Format::Npz || file.bytes() <= bytes.len(), "more than the file holds was read");
            // Any loss will do. Whether it takes such a file is of no interest: that it ends is.
            let _ = file.compute(bytes.iter().map(|byte| usize::from(*byte)).sum());
        }
        Err(message) => assert!(!message.is_empty()),
    }
}

/// Reads bytes as the arrays of an `.npz`, one after another, in an archive without fault: checksums keep mutations of
/// whole archives from most of what reads arrays.
pub fn arrays(bytes: &[u8]) {
    const MAGIC: &[u8] = b"\x93NUMPY";
    let names = match bytes.first() {
        Some(b'p') => ["probabilities", "targets", "element_weights", "upstream"],
        Some(b'l') => ["logits", "target_offsets", "target_indices", "pos_weight"],
        _ => ["logits", "targets", "class_weights", "upstream"],
    };
    let mut begins: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MAGIC)).take(names.len()).collect();
    begins.push(bytes.len());
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, place) in names.into_iter().zip(begins.windows(2)) {
        archive.start_file(format!("{name}.npy"), options).expect("a new name");
        archive.write_all(&bytes[place[0]..place[1]]).expect("memory");
    }
    file(Format::Npz, &archive.finish().expect("memory").into_inner());
}
