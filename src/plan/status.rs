//! What a plan's kernels count while they run.

use bytemuck::{Pod, Zeroable};

/// `Status` of `shaders/output/status.wgsl`, field by field.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub(crate) struct Status {
    pub(crate) bad_rows: u32,
    pub(crate) before_bad_row: u32,
    pub(crate) outside_rows: u32,
    pub(crate) before_outside_row: u32,
    pub(crate) correct_rows: u32,
}

impl Status {
    /// Bytes in a buffer. Cleared, it is all zeros.
    pub(crate) const SIZE: u64 = size_of::<Status>() as u64;

    /// The first row whose label or list means nothing, if there is one.
    pub(crate) fn first_bad_row(&self) -> Option<u32> {
        (self.bad_rows > 0).then_some(!self.before_bad_row)
    }

    /// The first row that holds a probability outside [0, 1], if there is one.
    pub(crate) fn first_outside_row(&self) -> Option<u32> {
        (self.outside_rows > 0).then_some(!self.before_outside_row)
    }
}
