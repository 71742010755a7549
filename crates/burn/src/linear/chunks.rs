//! How many rows' logits exist at once.

use std::ops::Range;

/// Rows `0..all`, taken `rows` at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunks {
    pub(crate) rows: usize,
    pub(crate) all: usize,
}

/// Chunks begin at multiples of this where there are so many: a slice then lies where Burn shares memory rather than copies.
const WHOLE: usize = 64;

impl Chunks {
    /// As few as the budget allows, of the same size but for the last; at least one row each.
    pub(crate) fn new(all: usize, row_bytes: usize, memory: u64) -> Self {
        let most = usize::try_from(memory).unwrap_or(usize::MAX) / row_bytes.max(1);
        let most = most.clamp(1, all.max(1));
        let even = all.div_ceil(all.div_ceil(most).max(1));
        let whole = even.next_multiple_of(WHOLE);
        let rows = match (whole <= most, most >= WHOLE && even < all) {
            (true, _) => whole,
            (false, true) => most / WHOLE * WHOLE,
            (false, false) => even,
        };
        Chunks { rows: rows.clamp(1, all.max(1)), all }
    }

    pub(crate) fn iter(self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        (0..self.all.div_ceil(self.rows)).map(move |at| at * self.rows..self.all.min((at + 1) * self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn chunks_are_even_and_within_the_budget() {
        let rows = |all, most: u64| Chunks::new(all, 4, 4 * most).rows;
        assert_eq!(rows(2048, 1335), 1024);
        assert_eq!(rows(8192, 523), 512);
        assert_eq!(rows(100, 1000), 100);
        assert_eq!(rows(100, 100), 100);
        assert_eq!(rows(1000, 0), 1);
        assert_eq!(rows(1000, 63), 63);
        assert_eq!(rows(21, 8), 7);
        for all in [1, 7, 63, 64, 65, 1000, 4097] {
            for most in [1, 2, 63, 64, 65, 100, 1000, 10_000] {
                let chunks = Chunks::new(all, 4, 4 * most);
                assert!(chunks.rows as u64 <= most, "{all} {most}: {chunks:?}");
                let mut next = 0;
                for chunk in chunks.iter() {
                    assert!(chunk.start == next && chunk.end > next, "{all} {most}: {chunk:?}");
                    next = chunk.end;
                }
                assert_eq!(next, all);
            }
        }
    }
}
