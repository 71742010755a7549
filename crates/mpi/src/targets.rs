//! What the records of all shards tell of the targets: how many rows count, and whether the ranks were given the same.

use crate::error::{Error, Result};
use crate::plan::Chunk;
use crate::record::Record;

/// Of a record's flags those that tell live (0), ignored and bad rows, and the mark of a row without classes.
const STATE: u32 = 3;
const CLASSLESS: u32 = 4;

/// How far `Σ B_j` may be from 1: lists have it from tens of thousands of terms.
const ROUNDING: f32 = 1e-2;

/// A look at all rows of a pass.
#[derive(Debug)]
pub(crate) struct Inspection {
    owns_one: bool,
    counted: usize,
    /// The first row that is not owned once, and what is owned of it.
    first: Option<(usize, f32)>,
    others: usize,
}

impl Inspection {
    /// `owns_one`: whether `Σ B_j` of a row is known to be 1.
    pub(crate) fn new(owns_one: bool) -> Self {
        Inspection { owns_one, counted: 0, first: None, others: 0 }
    }

    /// Looks at a chunk's records, one shard after another.
    pub(crate) fn see(&mut self, chunk: &Chunk, all: &[Record]) {
        for row in 0..chunk.rows {
            let (mut owned, mut states) = (0.0, 0);
            for record in all[row..].iter().step_by(chunk.rows) {
                let record = record.row();
                owned += record.a;
                states |= record.flags;
            }
            if states & STATE != 0 {
                continue;
            }
            self.counted += 1;
            if self.owns_one && states & CLASSLESS == 0 && (owned - 1.0).abs() > ROUNDING {
                self.others += usize::from(self.first.is_some());
                self.first.get_or_insert((chunk.first_row + row, owned));
            }
        }
    }

    /// Rows that are neither ignored nor bad.
    pub(crate) fn counted(&self) -> usize {
        self.counted
    }

    /// An error if some row's target is not owned once. Every rank comes to the same, having the same records.
    pub(crate) fn verdict(&self) -> Result<()> {
        match self.first {
            Some((row, owned)) => Err(Error::Targets { row, owned, count: self.others + 1 }),
            None => Ok(()),
        }
    }
}
