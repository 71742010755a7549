//! The parts of arrays that a dispatch sees: they begin on every device's offset alignment.

use crate::kernel::ByteRange;

/// A dense array's part that a dispatch sees.
pub(super) struct Window {
    pub(super) range: ByteRange,
    /// Where the chunk begins in it, in elements.
    pub(super) at: u64,
    /// Bytes of which the whole array's room is a multiple: so is the span.
    pub(super) unit: u64,
}

impl Window {
    /// Of `elements` from `first` on, at `bytes` each, in an array of `all`; it begins on every device's offset alignment.
    pub(super) fn new(first: u64, elements: u64, all: u64, bytes: u64) -> Self {
        let start = first / 256 * 256;
        let at = first - start;
        let unit = if (all * bytes).next_multiple_of(16).is_multiple_of(32) { 32 } else { 16 };
        Window {
            range: ByteRange { offset: start * bytes, size: ((at + elements) * bytes).next_multiple_of(unit) },
            at,
            unit,
        }
    }
}

/// The row at which the windows of row-wise arrays begin.
pub(super) fn window_row(first_row: u64) -> u64 {
    first_row / 64 * 64
}
