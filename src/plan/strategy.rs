//! Who walks a row, and which walker suits which shape and adapter.

use super::layout::Layout;
use super::shader::{Team, Walk};
use crate::batch::{Dtype, Shape};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::loss::Kind;

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

    pub(crate) fn team(self) -> Team {
        match self {
            Strategy::ThreadRow => Team::Thread,
            Strategy::SubgroupRow => Team::Subgroup,
            Strategy::WorkgroupRow => Team::Workgroup,
            Strategy::WorkgroupTree => Team::WorkgroupTree,
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

/// The way that a loss takes over scores of this shape.
pub(crate) fn walk(kind: Kind, shape: &Shape) -> Walk {
    if !kind.per_row() {
        Walk::Element
    } else if shape.inner == 1 {
        Walk::Row
    } else {
        Walk::Column
    }
}

/// The strategies that can serve a loss on scores of this shape and type, the default one first.
pub(crate) fn serving(context: &Context, kind: Kind, shape: &Shape, _dtype: Dtype) -> Vec<Strategy> {
    let mut all = vec![Strategy::ThreadRow];
    if walk(kind, shape) != Walk::Column {
        if context.subgroups.is_some() {
            all.extend([Strategy::SubgroupRow, Strategy::WorkgroupRow]);
        }
        all.push(Strategy::WorkgroupTree);
        let best = preferred(context, kind, shape);
        all.retain(|s| *s != best);
        all.insert(0, best);
    }
    if let Some(limit) = context.loop_limit() {
        all.retain(|strategy| turns(context, *strategy, kind, shape) <= limit);
    }
    all
}

/// Sweeps over a row at most: the count of its true classes, its statistics, whether it is right, its gradient.
const SWEEPS: u64 = 4;

/// Turns of loops that one invocation takes at most, where class lists are not long.
fn turns(context: &Context, strategy: Strategy, kind: Kind, shape: &Shape) -> u64 {
    let classes = shape.classes as u64;
    let team = match (strategy, context.subgroups) {
        (Strategy::ThreadRow, _) => 1,
        (Strategy::SubgroupRow, Some((smallest, _))) => u64::from(smallest),
        (Strategy::WorkgroupRow, _) => 256,
        // The smallest workgroup that a plan takes for a row.
        _ => 16,
    };
    match walk(kind, shape) {
        // Each quad of a block may look for its classes in the rows' lists, by bisection.
        Walk::Element => super::build::BLOCK / 4 / team * (17 + 4 * u64::from(classes.max(1).ilog2() + 1)),
        // Rows that share quads are walked by one team.
        Walk::Row => SWEEPS * (classes / 4 / team + 3) * [1, 4, 2, 4][shape.classes % 4],
        Walk::Column => SWEEPS * classes,
    }
}

fn preferred(context: &Context, kind: Kind, shape: &Shape) -> Strategy {
    let subgroups = context.subgroups.is_some();
    if context.is_software() {
        // A barrier costs a switch of every invocation's state. A thread is one lane of a core's vectors: with rows
        // enough, every lane walks its own.
        let few = shape.rows() < 512;
        return if subgroups && (!kind.per_row() || few) { Strategy::SubgroupRow } else { Strategy::ThreadRow };
    }
    if !kind.per_row() {
        return if subgroups { Strategy::WorkgroupRow } else { Strategy::WorkgroupTree };
    }
    match (shape.classes, subgroups) {
        (..=16, _) => Strategy::ThreadRow,
        (..=2048, true) => Strategy::SubgroupRow,
        (_, true) => Strategy::WorkgroupRow,
        (_, false) => Strategy::WorkgroupTree,
    }
}

/// The strategy for a plan: the forced one if it can serve, else the default.
pub(crate) fn choose(context: &Context, kind: Kind, layout: &Layout, forced: Option<Strategy>) -> Result<Strategy> {
    let serving = serving(context, kind, &layout.shape, layout.dtype);
    match forced {
        Some(strategy) if serving.contains(&strategy) => Ok(strategy),
        Some(strategy) => Err(Error::Strategy {
            strategy: strategy.name().to_owned(),
            reason: format!(
                "{} on scores [{}, {}, {}] with {} takes {}",
                kind.name(),
                layout.shape.n,
                layout.shape.classes,
                layout.shape.inner,
                context.info.name,
                serving.iter().map(|s| s.name()).collect::<Vec<_>>().join(", "),
            ),
        }),
        None => serving.first().copied().ok_or_else(|| Error::Limit {
            limit: "number of turns of loops in one invocation",
            got: context.loop_limit().unwrap_or(u64::MAX),
            needed: turns(context, Strategy::WorkgroupTree, kind, &layout.shape),
            what: format!("{} over {} classes on {}", kind.name(), layout.shape.classes, context.info.name),
        }),
    }
}
