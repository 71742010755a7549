//! Cutting a batch into dispatches whose bindings fit the device.

use crate::batch::Shape;
use crate::error::{Error, Result};

/// A run of rows (or, for losses of elements, of elements) that one dispatch takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The first element, in tight scores.
    pub(crate) first_element: u64,
    /// How many elements.
    pub(crate) elements: u64,
    /// The first row.
    pub(crate) first_row: u64,
    /// How many rows, those that are begun or ended elsewhere included.
    pub(crate) rows: u64,
    /// Elements between the start of the first row's `n` and the chunk.
    pub(crate) phase: u64,
}

/// Cuts whole rows (whole `n` where classes are not innermost): each chunk spans at most `limit` bytes at
/// `bytes` an element.
pub(crate) fn by_rows(shape: &Shape, bytes: u64, limit: u64) -> Result<Vec<Chunk>> {
    let (n, classes, inner) = (shape.n as u64, shape.classes as u64, shape.inner as u64);
    let slab = classes * inner;
    // Leave room for a binding that has to begin below the chunk.
    let fitting = limit.saturating_sub(1024) / (slab * bytes).max(1);
    if fitting == 0 && n > 0 {
        return Err(Error::Limit {
            limit: "max_storage_buffer_binding_size",
            got: limit,
            needed: slab * bytes + 1024,
            what: if inner == 1 {
                format!("one row of {classes} classes")
            } else {
                format!("one [{classes}, {inner}] image")
            },
        });
    }
    // A multiple of 64 rows begins on every device's offset alignment in every row-wise array.
    let step = if fitting >= 64 { fitting / 64 * 64 } else { fitting };
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < n {
        let count = step.min(n - first);
        chunks.push(Chunk {
            first_element: first * slab,
            elements: count * slab,
            first_row: first * inner,
            rows: count * inner,
            phase: 0,
        });
        first += count;
    }
    Ok(chunks)
}

/// Cuts anywhere between blocks of `block` elements.
pub(crate) fn by_elements(shape: &Shape, bytes: u64, limit: u64, block: u64) -> Vec<Chunk> {
    let total = shape.elements() as u64;
    let slab = (shape.classes * shape.inner) as u64;
    // Positions count from the start of an `n` and stay below 2³².
    let step = ((limit.saturating_sub(1024) / bytes).min(1 << 30) / block * block).max(block);
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < total {
        let elements = step.min(total - first);
        let n = first / slab;
        let end = (first + elements).div_ceil(slab);
        chunks.push(Chunk {
            first_element: first,
            elements,
            first_row: n * shape.inner as u64,
            rows: (end - n) * shape.inner as u64,
            phase: first - n * slab,
        });
        first += elements;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_chunks_cover_every_row_once_and_fit() {
        for (n, classes, inner) in [(1, 1, 1), (1000, 7, 1), (70_000, 2, 1), (5, 3, 49)] {
            let shape = Shape { n, classes, inner };
            let limit = 4096 + (classes * inner * 4) as u64;
            let chunks = by_rows(&shape, 4, limit).expect("fits");
            let mut next = 0;
            for chunk in &chunks {
                assert_eq!(chunk.first_row, next);
                assert!(chunk.elements * 4 + 1024 <= limit);
                next += chunk.rows;
            }
            assert_eq!(next, shape.rows() as u64);
        }
    }

    #[test]
    fn a_row_over_the_limit_is_named() {
        let error = by_rows(&Shape::new(1, 3_000_000), 4, 1 << 20).expect_err("too large");
        assert!(error.to_string().contains("one row of 3000000 classes"), "{error}");
    }

    #[test]
    fn element_chunks_cover_every_element_once() {
        let shape = Shape::spatial(3, 5, 1000);
        let chunks = by_elements(&shape, 4, 10_000, 1024);
        assert_eq!(chunks.iter().map(|c| c.elements).sum::<u64>(), 15_000);
        for chunk in &chunks {
            assert_eq!(chunk.first_element, chunk.first_row / 1000 * 5000 + chunk.phase);
        }
    }
}
