//! Cutting a batch into dispatches whose bindings fit the device.

use crate::batch::Shape;
use crate::error::{Error, Result};
use crate::layout::STATISTICS_BYTES;

/// Some of the rows over some of the classes, for one dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The first `n`.
    pub(crate) first_n: u64,
    /// How many `n`.
    pub(crate) count: u64,
    /// The first class.
    pub(crate) first_class: u64,
    /// How many classes.
    pub(crate) classes: u64,
}

/// A run of elements, for one dispatch of a loss of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// The first element, in tight scores.
    pub(crate) first_element: u64,
    /// How many elements.
    pub(crate) elements: u64,
}

/// Room for a binding that has to begin below the chunk.
const MARGIN: u64 = 1024;

/// The most chunks of a batch: each is a dispatch with parameters and bindings of its own.
const MOST: u64 = 1 << 16;

fn check_count(chunks: u64) -> Result<()> {
    if chunks <= MOST {
        return Ok(());
    }
    let what = "this batch, as little as the device binds at once,".to_owned();
    Err(Error::Limit { limit: "number of dispatches in a plan", got: MOST, needed: chunks, what })
}

/// Cuts whole rows (whole `n` where classes are not innermost) so that a chunk spans at most `limit` bytes, at `step`
/// elements from `n` to `n` and `bytes` an element. Where not even one `n` fits, or it has more than `loop_budget` classes,
/// its classes are cut.
pub(crate) fn by_rows(shape: &Shape, step: u64, bytes: u64, limit: u64, loop_budget: u64) -> Result<Vec<Chunk>> {
    let (n, classes, inner) = (shape.n as u64, shape.classes as u64, shape.inner as u64);
    let room = limit.saturating_sub(MARGIN);
    let mut rows_at_once = room / (step * bytes).max(1);
    let mut classes_at_once = loop_budget.min(classes);
    if rows_at_once == 0 && classes * inner * bytes > room {
        classes_at_once = classes_at_once.min(room / (inner * bytes).max(1));
    }
    if classes_at_once < classes {
        // Between vectors, or better.
        let unit = if classes_at_once >= 1024 { 1024 } else { 4 };
        classes_at_once = classes_at_once / unit * unit;
    }
    if classes_at_once == 0 {
        return Err(Error::Limit {
            limit: "max_storage_buffer_binding_size",
            got: limit,
            needed: 4 * inner * bytes + MARGIN,
            what: format!("one row of {inner} positions in four classes"),
        });
    }
    if classes_at_once < classes {
        // The parts' records have to fit as well.
        let row_statistics = inner * classes.div_ceil(classes_at_once) * STATISTICS_BYTES;
        rows_at_once = rows_at_once.min(room / row_statistics);
    }
    // A multiple of 64 rows begins on every device's offset alignment in every row-wise array, a multiple of 4 on a
    // vector of scores.
    rows_at_once = match rows_at_once {
        64.. => rows_at_once / 64 * 64,
        4.. => rows_at_once / 4 * 4,
        few => few.max(1),
    };
    check_count(n.div_ceil(rows_at_once).saturating_mul(classes.div_ceil(classes_at_once)))?;
    let mut chunks = Vec::new();
    for first_n in (0..n).step_by(rows_at_once as usize) {
        let count = rows_at_once.min(n - first_n);
        for first_class in (0..classes).step_by(classes_at_once as usize) {
            chunks.push(Chunk { first_n, count, first_class, classes: classes_at_once.min(classes - first_class) });
        }
    }
    Ok(chunks)
}

/// Cuts anywhere between blocks of `block` elements, at most `limit` bytes at `bytes` an element.
pub(crate) fn by_elements(shape: &Shape, bytes: u64, limit: u64, block: u64) -> Result<Vec<Run>> {
    let total = shape.elements() as u64;
    // Positions count from the start of an `n` and stay below 2³².
    let at_once = (limit.saturating_sub(MARGIN) / bytes.max(1)).min(1 << 30) / block * block;
    if at_once == 0 && total > 0 {
        return Err(Error::Limit {
            limit: "max_storage_buffer_binding_size",
            got: limit,
            needed: block.saturating_mul(bytes).saturating_add(MARGIN),
            what: format!("{block} elements at this stride"),
        });
    }
    let at_once = at_once.max(block);
    check_count(total.div_ceil(at_once))?;
    let firsts = (0..total).step_by(at_once as usize);
    Ok(firsts.map(|first| Run { first_element: first, elements: at_once.min(total - first) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_chunks_cover_every_row_once_and_fit() {
        for (n, classes, inner) in [(1, 1, 1), (1000, 7, 1), (70_000, 2, 1), (5, 3, 49)] {
            let shape = Shape { n, classes, inner };
            let step = (classes * inner) as u64 + 3;
            let limit = 4096 + step * 4;
            let mut next = 0;
            for chunk in by_rows(&shape, step, 4, limit, u64::MAX).expect("fits") {
                assert_eq!((chunk.first_n, chunk.first_class, chunk.classes), (next, 0, classes as u64));
                assert!(chunk.count * step * 4 + MARGIN <= limit);
                next += chunk.count;
            }
            assert_eq!(next, n as u64);
        }
    }

    #[test]
    fn rows_over_the_limit_are_cut_between_quads() {
        let chunks = by_rows(&Shape::new(2, 3_000_001), 3_000_001, 4, 1 << 20, u64::MAX).expect("fits");
        for n in 0..2 {
            let mut next = 0;
            for chunk in chunks.iter().filter(|c| c.first_n == n) {
                assert_eq!((chunk.count, chunk.first_class), (1, next));
                assert!(chunk.first_class % 4 == 0 && chunk.classes * 4 + MARGIN <= 1 << 20);
                next += chunk.classes;
            }
            assert_eq!(next, 3_000_001);
        }
    }

    #[test]
    fn rows_beyond_a_team_s_reach_are_cut_together() {
        let chunks = by_rows(&Shape::spatial(70, 5000, 3), 15_000, 4, 5_000_000, 2100).expect("fits");
        let cuts: Vec<(u64, u64, u64)> = chunks.iter().map(|c| (c.count, c.first_class, c.classes)).collect();
        let of = |count| [(count, 0, 2048), (count, 2048, 2048), (count, 4096, 904)];
        assert_eq!(cuts, [of(64), of(6)].concat());
    }

    #[test]
    fn a_plane_over_the_limit_is_named() {
        let error = by_rows(&Shape::spatial(1, 3, 1 << 20), 3 << 20, 4, 1 << 20, u64::MAX).expect_err("too large");
        assert!(error.to_string().contains("one row of 1048576 positions"), "{error}");
    }

    #[test]
    fn runs_cover_every_element_once() {
        let runs = by_elements(&Shape::spatial(3, 5, 1000), 4, 10_000, 1024).expect("fits");
        let mut next = 0;
        for run in &runs {
            assert_eq!(run.first_element, next);
            next += run.elements;
        }
        assert_eq!(next, 15_000);
    }
}
