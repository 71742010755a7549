//! Who walks a row, and which walker suits which shape and adapter.

use crate::error::{Error, Result};

/// Who walks one row of scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Strategy {
    /// One thread: small C, and every layout whose class axis is not innermost.
    ThreadRow,
    /// One subgroup, no barrier.
    SubgroupRow,
    /// One workgroup: subgroup reductions, then workgroup memory.
    WorkgroupRow,
    /// One workgroup, through workgroup memory alone: adapters without subgroups.
    WorkgroupTree,
}

impl Strategy {
    /// All strategies.
    pub const ALL: [Strategy; 4] =
        [Strategy::ThreadRow, Strategy::SubgroupRow, Strategy::WorkgroupRow, Strategy::WorkgroupTree];

    /// The name, as `GPU_LOSS_STRATEGY` takes it: `thread-row`, `subgroup-row`, `workgroup-row`, `workgroup-tree`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Strategy::ThreadRow => "thread-row",
            Strategy::SubgroupRow => "subgroup-row",
            Strategy::WorkgroupRow => "workgroup-row",
            Strategy::WorkgroupTree => "workgroup-tree",
        }
    }
}

impl std::str::FromStr for Strategy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Strategy::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| Error::Option {
            option: "strategy",
            got: name.to_owned(),
            expected: "one of thread-row, subgroup-row, workgroup-row, workgroup-tree",
        })
    }
}
