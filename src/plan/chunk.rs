//! Cutting a batch into dispatches whose bindings fit the device.

use crate::batch::Shape;
use crate::error::{Error, Result};

/// Some of the rows over some of the classes, for one dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The first `n`, and how many.
    pub(crate) first_n: u64,
    pub(crate) count: u64,
    /// The first class, and how many.
    pub(crate) first_class: u64,
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

/// Cuts whole rows (whole `n` where classes are not innermost) so that a chunk spans at most `limit` bytes, at `step`
/// elements from `n` to `n` and `bytes` an element. Where not even one `n` fits, its classes are cut.
pub(crate) fn by_rows(shape: &Shape, step: u64, bytes: u64, limit: u64) -> Result<Vec<Chunk>> {
    let (n, classes, inner) = (shape.n as u64, shape.classes as u64, shape.inner as u64);
    let room = limit.saturating_sub(MARGIN);
    let fitting = room / (step * bytes).max(1);
    if fitting == 0 && classes * inner * bytes > room {
        return by_classes(n, classes, inner, bytes, limit);
    }
    // A multiple of 64 rows begins on every device's offset alignment in every row-wise array, a multiple of 4 on a
    // quad of scores.
    let at_once = match fitting {
        64.. => fitting / 64 * 64,
        4.. => fitting / 4 * 4,
        few => few.max(1),
    };
    let firsts = (0..n).step_by(at_once as usize);
    Ok(firsts.map(|first| Chunk { first_n: first, count: at_once.min(n - first), first_class: 0, classes }).collect())
}

/// Cuts the classes of each `n`.
fn by_classes(n: u64, classes: u64, inner: u64, bytes: u64, limit: u64) -> Result<Vec<Chunk>> {
    let room = limit.saturating_sub(MARGIN);
    let fitting = room / (inner * bytes).max(1);
    let at_once = if fitting >= 1024 { fitting / 1024 * 1024 } else { fitting / 4 * 4 };
    if at_once == 0 {
        return Err(Error::Limit {
            limit: "max_storage_buffer_binding_size",
            got: limit,
            needed: 4 * inner * bytes + MARGIN,
            what: format!("one row of {inner} positions in four classes"),
        });
    }
    let cuts = (0..classes).step_by(at_once as usize);
    let cuts: Vec<(u64, u64)> = cuts.map(|first| (first, at_once.min(classes - first))).collect();
    let of_n =
        |first_n| cuts.iter().map(move |&(first_class, classes)| Chunk { first_n, count: 1, first_class, classes });
    Ok((0..n).flat_map(of_n).collect())
}

/// Cuts anywhere between blocks of `block` elements, at most `limit` bytes at `bytes` an element.
pub(crate) fn by_elements(shape: &Shape, bytes: u64, limit: u64, block: u64) -> Vec<Run> {
    let total = shape.elements() as u64;
    // Positions count from the start of an `n` and stay below 2³².
    let at_once = ((limit.saturating_sub(MARGIN) / bytes).min(1 << 30) / block * block).max(block);
    let firsts = (0..total).step_by(at_once as usize);
    firsts.map(|first| Run { first_element: first, elements: at_once.min(total - first) }).collect()
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
            for chunk in by_rows(&shape, step, 4, limit).expect("fits") {
                assert_eq!((chunk.first_n, chunk.first_class, chunk.classes), (next, 0, classes as u64));
                assert!(chunk.count * step * 4 + MARGIN <= limit);
                next += chunk.count;
            }
            assert_eq!(next, n as u64);
        }
    }

    #[test]
    fn rows_over_the_limit_are_cut_between_quads() {
        let chunks = by_rows(&Shape::new(2, 3_000_001), 3_000_001, 4, 1 << 20).expect("fits");
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
    fn a_plane_over_the_limit_is_named() {
        let error = by_rows(&Shape::spatial(1, 3, 1 << 20), 3 << 20, 4, 1 << 20).expect_err("too large");
        assert!(error.to_string().contains("one row of 1048576 positions"), "{error}");
    }

    #[test]
    fn runs_cover_every_element_once() {
        let runs = by_elements(&Shape::spatial(3, 5, 1000), 4, 10_000, 1024);
        let mut next = 0;
        for run in &runs {
            assert_eq!(run.first_element, next);
            next += run.elements;
        }
        assert_eq!(next, 15_000);
    }
}
