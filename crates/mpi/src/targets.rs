//! What the records of all shards tell of the targets: how many rows count, and whether the ranks were given the same.

use crate::error::{Error, Result};
use crate::plan::Chunk;
use crate::record::{Marks, Record};

/// How far `Σ B_j` may be from 1: lists have it from tens of thousands of terms.
const ROUNDING: f32 = 1e-2;

/// A look at all rows of a pass.
#[derive(Debug)]
pub(crate) struct Inspection {
    owns_one: bool,
    counted: usize,
    /// The first row whose shards were given different targets, and how they show it.
    first: Option<(usize, String)>,
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
            let (mut owned, mut marks) = (0.0, Marks::default());
            for record in all[row..].iter().step_by(chunk.rows) {
                owned += record.row().a;
                marks = marks.and(Record::marks(&all[row], record));
            }
            self.counted += usize::from(marks.counts());
            let apart = self.owns_one && marks.counts() && !marks.classless() && (owned - 1.0).abs() > ROUNDING;
            if let Some(problem) = marks.problem() {
                self.tell(chunk.first_row + row, || problem.to_owned());
            } else if apart {
                let problem = || format!("the shards own {owned} of its target, expected all of it once");
                self.tell(chunk.first_row + row, problem);
            }
        }
    }

    fn tell(&mut self, row: usize, problem: impl FnOnce() -> String) {
        match self.first {
            Some(_) => self.others += 1,
            None => self.first = Some((row, problem())),
        }
    }

    /// Rows that are neither ignored nor bad.
    pub(crate) fn counted(&self) -> usize {
        self.counted
    }

    /// An error if shards were given different targets. Every rank comes to the same, having the same records.
    pub(crate) fn verdict(&self) -> Result<()> {
        match &self.first {
            Some((row, problem)) => Err(Error::Targets { row: *row, problem: problem.clone(), count: self.others + 1 }),
            None => Ok(()),
        }
    }
}
