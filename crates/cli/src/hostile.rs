//! What a file goes through before a device is opened, for files in memory: what fuzz targets and mutation tests call.

use std::io::Cursor;

use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Reduction, reference};

use crate::input::{self, Tensors};
use crate::names::KNOWN;
use crate::problem::{Scores, build};

pub use crate::input::Format;

/// A file that could be read.
#[derive(Debug)]
pub struct File(Tensors);

/// Reads a file, of which deflated arrays may come to twice its size and to `free_inflation` bytes.
///
/// # Errors
/// What is wrong with it.
pub fn read(format: Format, bytes: &[u8], free_inflation: u64) -> Result<File, String> {
    input::read_from(format, Cursor::new(bytes), bytes.len() as u64, &KNOWN, free_inflation).map(File)
}

impl File {
    /// How many bytes its tensors have, those that mean something here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.found.values().map(|tensor| tensor.bytes.len()).sum()
    }

    /// Computes one of the losses on it in float64, with or without a reduction.
    ///
    /// # Errors
    /// Why the loss does not take such a file.
    pub fn compute(&self, which: usize) -> Result<(), String> {
        let mut spec = Spec::plain(Kind::ALL[which % Kind::ALL.len()]);
        spec.reduction = if (which / Kind::ALL.len()).is_multiple_of(2) { Reduction::Mean } else { Reduction::None };
        let (scores, problem) = build(self.0.clone(), spec)?;
        let computed = match &scores {
            Scores::F32(scores) => reference::run(&problem.spec, &problem.batch(scores.view())),
            Scores::F16(scores) => reference::run(&problem.spec, &problem.batch(scores.view())),
            Scores::Bf16(scores) => reference::run(&problem.spec, &problem.batch(scores.view())),
        };
        computed.map(drop).map_err(|error| error.to_string())
    }
}
