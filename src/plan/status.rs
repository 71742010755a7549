//! What a plan's kernels count while they run.

use bytemuck::{Pod, Zeroable};

/// Bytes of a status on the device.
pub const STATUS_BYTES: u64 = size_of::<Status>() as u64;

/// Where the count of correct rows lies in it.
pub(super) const CORRECT_ROWS_AT: u64 = STATUS_BYTES - 4;

/// `Status` of `shaders/io/status.wgsl`, field by field. Cleared, it is all zeros.
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
    /// With what another run counted before this one.
    pub(super) fn with(self, other: &Status) -> Status {
        Status {
            bad_rows: self.bad_rows.saturating_add(other.bad_rows),
            before_bad_row: self.before_bad_row.max(other.before_bad_row),
            outside_rows: self.outside_rows.saturating_add(other.outside_rows),
            before_outside_row: self.before_outside_row.max(other.before_outside_row),
            correct_rows: self.correct_rows,
        }
    }

    /// The first row whose label or list means nothing, if there is one.
    pub(crate) fn first_bad_row(&self) -> Option<u32> {
        (self.bad_rows > 0).then_some(!self.before_bad_row)
    }

    /// The first row that holds a probability outside [0, 1], if there is one.
    pub(crate) fn first_outside_row(&self) -> Option<u32> {
        (self.outside_rows > 0).then_some(!self.before_outside_row)
    }
}
