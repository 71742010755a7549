//! The fuzz targets on stable Rust: their corpus, and mutations of it from a fixed seed.

use std::path::Path;
use std::time::{Duration, Instant};

use gpu_loss_cli::hostile::Format;

#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod fuzz;

#[global_allocator]
static ALLOCATOR: fuzz::guard::Counting = fuzz::guard::Counting;

/// Mutations of each target's corpus, unless time runs out on a busy machine, …
const MUTATIONS: u32 = 25_000;
/// … of which each target has this much, …
const TIME: Duration = Duration::from_secs(5);
/// … and these at least.
const FEWEST: u32 = 1_000;

/// A fuzz target, by its name.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 4] = [
    ("safetensors", |bytes| fuzz::file(Format::Safetensors, bytes)),
    ("npz", |bytes| fuzz::file(Format::Npz, bytes)),
    ("npy", fuzz::arrays),
    ("batch", fuzz::batch),
];

/// One test, because the allocator counts for the whole process.
#[test]
fn no_mutation_of_the_corpus_panics_or_allocates_more_than_it_holds() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        corpus.iter().for_each(|file| target(file));
        let (mut random, start) = (Random(0x5EED), Instant::now());
        let mut done = 0;
        while done < MUTATIONS && (done < FEWEST || start.elapsed() < TIME) {
            let mutant = random.mutant(&corpus);
            if std::panic::catch_unwind(|| target(&mutant)).is_err() {
                panic!("{name}, mutation {done}: {}", mutant.escape_ascii());
            }
            done += 1;
        }
        println!("{name}: {} files, {done} mutations in {:.1} s", corpus.len(), start.elapsed().as_secs_f64());
    }
}

/// The files of a target's corpus, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    assert!(paths.len() >= 10, "{target} has a corpus of {} files", paths.len());
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("readable")).collect()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// One of the files with one to six changes.
    fn mutant(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes, corpus);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        let end = (at + 1 + self.below(16)).min(bytes.len());
        match self.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                // A number at the edge of its type, over what lies there.
                let number = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 62, u64::MAX][self.below(9)];
                let width = 1 << self.below(4);
                bytes.iter_mut().skip(at).zip(number.to_le_bytes()).take(width).for_each(|(byte, new)| *byte = new);
            }
            4 => {
                // Digits in a text.
                let digits = bytes.iter_mut().skip(at).filter(|byte| byte.is_ascii_digit());
                let digit = b'0' + self.below(10) as u8;
                digits.take(1).for_each(|byte| *byte = digit);
            }
            5 => {
                // The rest of another file.
                let other = &corpus[self.below(corpus.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[self.below(other.len()).min(other.len())..]);
            }
            _ => {
                let flip = 1 << self.below(8);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= flip);
            }
        }
    }
}
