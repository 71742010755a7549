//! How many rows' logits exist at once.

use super::layout::LinearLayout;
use crate::device::Context;
use crate::error::{Error, Result};

/// Rows of a chunk, and the first of the last one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunks {
    pub(crate) rows: u64,
    all: u64,
}

/// Rows of a chunk come to a multiple of this where there are so many: whole tiles.
const WHOLE: u64 = 64;
/// The most rows of a chunk: a column of so many is summed within llvmpipe's limit of 65,535 turns of loops.
const MOST: u64 = 32_768;

impl Chunks {
    /// As few as the budget allows, of the same size but for the last.
    pub(crate) fn new(context: &Context, layout: &LinearLayout, memory: u64) -> Result<Self> {
        let (all, row) = (layout.rows as u64, layout.logits_stride() * 4);
        let binding = context.binding_limit();
        if row > binding {
            let what = format!("the logits of one row of {} classes in one binding", layout.vocabulary);
            return Err(Error::Limit { limit: "max_storage_buffer_binding_size", got: binding, needed: row, what });
        }
        Ok(Self::within(all, (memory.min(binding) / row).clamp(1, MOST)))
    }

    fn within(all: u64, most: u64) -> Self {
        let count = all.div_ceil(most.max(1)).max(1);
        let even = all.div_ceil(count);
        // Whole tiles, if they fit.
        let whole = even.next_multiple_of(WHOLE);
        let rows = match (whole <= most, most >= WHOLE) {
            (true, _) => whole.min(all),
            (false, true) => most / WHOLE * WHOLE,
            (false, false) => even,
        };
        Chunks { rows: rows.max(1).min(all.max(1)), all }
    }

    /// First row and number of rows of each.
    pub(crate) fn iter(self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.all).step_by(self.rows as usize).map(move |first| (first, self.rows.min(self.all - first)))
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn chunks_are_even_and_within_the_budget() {
        let rows = |all, most| Chunks::within(all, most).rows;
        assert_eq!(rows(2048, 1335), 1024);
        assert_eq!(rows(8192, 523), 512);
        assert_eq!(rows(100, 1000), 100);
        assert_eq!(rows(1000, 1), 1);
        assert_eq!(rows(1000, 63), 63);
        assert_eq!(rows(21, 8), 7);
        for all in [1, 7, 63, 64, 65, 1000, 4097] {
            for most in [1, 2, 63, 64, 65, 100, 1000, 10_000] {
                let chunks = Chunks::within(all, most);
                assert!(chunks.rows <= most, "{all} {most}: {chunks:?}");
                assert_eq!(chunks.iter().map(|(_, rows)| rows).sum::<u64>(), all);
                assert!(chunks.iter().all(|(first, rows)| rows > 0 && first + rows <= all));
            }
        }
    }
}
