//! Who takes a row, and which team suits which shape and adapter.

use crate::batch::{Dtype, Shape};
use crate::device::profile::{Profile, Registers};
use crate::device::{Context, widest_group};
use crate::error::{Error, Result};
use crate::kernel::{Team, Traversal};
use crate::layout::Layout;
use crate::loss::Kind;

/// Who takes one row of scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Strategy {
    /// One thread: small C, and every layout whose class axis is not innermost.
    ThreadRow,
    /// One subgroup, no barrier.
    SubgroupRow,
    /// One workgroup: subgroup reductions, then workgroup memory.
    WorkgroupRow,
    /// One workgroup, through workgroup memory alone: adapters without subgroups.
    WorkgroupTree,
    /// Several teams, whose statistics are merged before each writes its part of the gradient: few rows, huge C.
    SplitRow,
}

impl Strategy {
    /// All strategies.
    pub const ALL: &'static [Strategy] = &[
        Strategy::ThreadRow,
        Strategy::SubgroupRow,
        Strategy::WorkgroupRow,
        Strategy::WorkgroupTree,
        Strategy::SplitRow,
    ];

    /// The name, as `GPU_LOSS_STRATEGY` takes it: `thread-row`, `subgroup-row`, `workgroup-row`, `workgroup-tree`,
    /// `split-row`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Strategy::ThreadRow => "thread-row",
            Strategy::SubgroupRow => "subgroup-row",
            Strategy::WorkgroupRow => "workgroup-row",
            Strategy::WorkgroupTree => "workgroup-tree",
            Strategy::SplitRow => "split-row",
        }
    }
}

impl std::fmt::Display for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Strategy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Strategy::ALL.iter().copied().find(|s| s.name() == name).ok_or_else(|| Error::Option {
            option: "strategy",
            got: name.to_owned(),
            expected: "one of thread-row, subgroup-row, workgroup-row, workgroup-tree, split-row",
        })
    }
}

/// The way that a loss takes over scores of this shape.
pub(crate) fn traversal(kind: Kind, shape: &Shape) -> Traversal {
    if !kind.per_row() {
        Traversal::Element
    } else if shape.inner == 1 {
        Traversal::Row
    } else {
        Traversal::Column
    }
}

/// The strategies that can serve a loss on scores of this shape, of which each is needed once or twice, the default one first.
pub(crate) fn serving(context: &Context, kind: Kind, shape: &Shape, once: bool) -> Vec<Strategy> {
    if traversal(kind, shape) == Traversal::Column {
        return vec![Strategy::ThreadRow];
    }
    let mut all = vec![Strategy::ThreadRow];
    if context.subgroups.is_some() {
        all.extend([Strategy::SubgroupRow, Strategy::WorkgroupRow]);
    }
    all.push(Strategy::WorkgroupTree);
    if kind.has_statistics() {
        all.push(Strategy::SplitRow);
    }
    let best = preferred(context, kind, shape, once);
    all.retain(|s| *s != best);
    all.insert(0, best);
    all
}

/// Rows that are worth a kernel written for their length.
pub(crate) const RESIDENT_ROWS: usize = 64;

fn preferred(context: &Context, kind: Kind, shape: &Shape, once: bool) -> Strategy {
    let subgroups = context.subgroups.is_some();
    let Profile { rows, splitting, .. } = context.profile;
    if !kind.per_row() {
        return match (subgroups, rows.elements_by_subgroups) {
            (true, true) => Strategy::SubgroupRow,
            (true, false) => Strategy::WorkgroupRow,
            (false, true) => Strategy::ThreadRow,
            (false, false) => Strategy::WorkgroupTree,
        };
    }
    if kind.has_statistics() && shape.rows() < splitting.below_rows && shape.classes >= splitting.classes {
        return Strategy::SplitRow;
    }
    let read_once = once && rows.read_once.is_some_and(|r| shape.rows() >= r.rows && shape.classes <= r.classes);
    match subgroups {
        _ if shape.classes <= rows.thread || read_once => Strategy::ThreadRow,
        true if shape.classes <= rows.subgroup => Strategy::SubgroupRow,
        true => Strategy::WorkgroupRow,
        // A thread takes what a subgroup would, where a barrier costs more than that gains.
        false if rows.subgroup == usize::MAX => Strategy::ThreadRow,
        false => Strategy::WorkgroupTree,
    }
}

/// Bytes of workgroup memory that `shaders/team/workgroup_tree.wgsl` takes for each invocation.
const TREE_BYTES: u32 = 20;

/// Invocations of a workgroup: as many as wanted, or as the device allows. A tree in workgroup memory halves a power of two.
fn group_size(team: Team, wanted: u32, limits: &wgpu::Limits) -> u32 {
    let in_memory = match team {
        Team::WorkgroupTree => limits.max_compute_workgroup_storage_size / TREE_BYTES,
        _ => u32::MAX,
    };
    1 << wanted.min(widest_group(limits)).min(in_memory).max(1).ilog2()
}

/// Invocations of the smallest workgroup that holds a row in registers, of which `least` is the smallest there is; that one
/// too where none does.
fn holding(classes: usize, least: u32, profile: &Profile) -> u32 {
    let holds = |group: &u32| classes <= 4 * profile.registers.workgroup_vectors * *group as usize;
    let groups = std::iter::successors(Some(least), |group| Some(2 * group));
    groups.take_while(|group| *group <= profile.workgroups.widest.max(least)).find(holds).unwrap_or(least)
}

/// How a strategy's kernels are laid over the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) team: Team,
    /// Invocations of a workgroup.
    pub(crate) group: u32,
    /// At most this many teams are in a workgroup; where subgroups are larger, each takes several tasks.
    pub(crate) teams: u64,
    /// What an invocation holds of rows in registers.
    registers: Registers,
    /// Vectors of a row that each invocation of a team can hold.
    pub(crate) resident_vectors: usize,
    /// Invocations of the smallest team.
    pub(crate) team_size: u64,
    /// Invocations of the largest workgroup that could take a longer row.
    widest_team: u64,
    /// Invocations that fill the device.
    width: u64,
    /// Invocations of the largest team.
    largest_team: u64,
    /// Whether invocations side by side take tasks that lie apart: see `shaders/access/llvmpipe/interleave.wgsl`.
    pub(crate) interleaves: bool,
    /// Classes of the shortest row that a subgroup takes in a workgroup of its own.
    alone: Option<usize>,
    /// Teams that fill the device.
    split_teams: u64,
    turns_of_loops: Option<u64>,
}

/// What a team does with a row, as far as it takes turns of loops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoopWork {
    /// Passes over the row's classes.
    pub(crate) sweeps: u64,
    /// Rows that it takes one after another.
    pub(crate) rows: u64,
    /// Rows that it takes side by side: 1 along the classes, 4 down them.
    pub(crate) lanes: u64,
    /// Classes of the longest list; 0 without lists.
    pub(crate) longest_list: u64,
    /// How many times a list is gone through, besides once in each of two passes.
    pub(crate) times: u64,
}

impl Geometry {
    pub(crate) fn new(context: &Context, strategy: Strategy, classes: usize) -> Self {
        let Profile { workgroups, registers, splitting, llvmpipe, .. } = context.profile;
        let team = match (strategy, context.subgroups) {
            (Strategy::ThreadRow, _) => Team::Thread,
            (Strategy::SubgroupRow, _) => Team::Subgroup,
            (Strategy::WorkgroupRow, _) => Team::Workgroup,
            (Strategy::WorkgroupTree, _) => Team::WorkgroupTree,
            (Strategy::SplitRow, Some(_)) if splitting.by_subgroups => Team::Subgroup,
            (Strategy::SplitRow, None) if splitting.by_subgroups => Team::Thread,
            (Strategy::SplitRow, Some(_)) => Team::Workgroup,
            (Strategy::SplitRow, None) => Team::WorkgroupTree,
        };
        let wanted = match team {
            Team::Thread | Team::Subgroup => workgroups.independent,
            Team::Workgroup if strategy == Strategy::SplitRow => workgroups.whole,
            Team::WorkgroupTree if strategy == Strategy::SplitRow => workgroups.tree,
            Team::Workgroup => holding(classes, workgroups.whole, &context.profile),
            Team::WorkgroupTree => holding(classes, workgroups.tree, &context.profile),
        };
        let wanted = wanted.max(context.subgroups.map_or(0, |(_, largest)| largest));
        let group = group_size(team, wanted, &context.limits);
        let teams = match (team, context.subgroups) {
            (Team::Thread, _) => group,
            (Team::Subgroup, Some((smallest, _))) => group / smallest,
            _ => 1,
        };
        let team_size = match (team, context.subgroups) {
            (Team::Thread, _) => 1,
            (Team::Subgroup, Some((smallest, _))) => smallest,
            _ => group,
        };
        Geometry {
            team,
            group,
            teams: u64::from(teams.max(1)),
            registers,
            resident_vectors: match team {
                Team::Thread | Team::Subgroup => registers.vectors,
                Team::Workgroup | Team::WorkgroupTree => registers.workgroup_vectors,
            },
            widest_team: match team {
                Team::Thread | Team::Subgroup => 1,
                Team::Workgroup | Team::WorkgroupTree => {
                    u64::from(group_size(team, workgroups.widest, &context.limits))
                }
            },
            width: context.profile.width,
            largest_team: match (team, context.subgroups) {
                (Team::Subgroup, Some((_, largest))) => u64::from(largest),
                _ => u64::from(team_size),
            },
            team_size: u64::from(team_size),
            interleaves: llvmpipe.interleaves && team == Team::Thread,
            alone: context.profile.rows.alone,
            split_teams: splitting.teams,
            turns_of_loops: llvmpipe.turns_of_loops,
        }
    }

    /// Classes of the longest rows of which a thread holds four, where each class has a weight of its own or not.
    pub(crate) fn four_rows_classes(&self, dtype: Dtype, weighed: bool) -> usize {
        match (weighed, dtype) {
            (true, _) => self.registers.weighed_classes,
            (false, Dtype::F16) => self.registers.f16_classes,
            (false, Dtype::F32 | Dtype::Bf16) => self.registers.classes,
        }
    }

    /// Classes of the longest columns that a thread holds of so many positions.
    pub(crate) fn column_classes(&self, positions: u32, dtype: Dtype, weighed: bool) -> usize {
        let classes = self.registers.column_scores / positions as usize;
        if positions == 4 { classes.min(self.four_rows_classes(dtype, weighed)) } else { classes }
    }

    /// Positions that a thread takes side by side down a column, of a type of so many bytes: two of 16 bits only where they
    /// are words of their own.
    pub(crate) fn positions(&self, bytes: usize, on_pairs: bool) -> u32 {
        match (self.registers.column_words, bytes) {
            (true, 4) => 1,
            (true, _) if on_pairs => 2,
            _ => 4,
        }
    }

    /// Whether all teams have as many invocations.
    pub(crate) fn exact(&self) -> bool {
        self.team_size == self.largest_team
    }

    /// How many times all invocations of a team, however large it is, take so many elements of a row that has `classes`.
    pub(crate) fn whole_turns(&self, classes: usize, elements: usize) -> u32 {
        (classes / elements / self.largest_team as usize) as u32
    }

    /// Whether rows are so long that a subgroup had better be a workgroup: fewer then wait for a core that other work
    /// holds up.
    pub(crate) fn stands_alone(&self, classes: usize) -> bool {
        self.team == Team::Subgroup && self.exact() && self.alone.is_some_and(|least| classes >= least)
    }

    /// With a workgroup a subgroup.
    pub(crate) fn alone(self) -> Self {
        Geometry { group: self.team_size as u32, teams: 1, ..self }
    }

    /// How many classes a small batch that is to show whether kernels compute rightly has: as many as the plan's where its
    /// rows stay resident in registers; else so many that they are not, that they can be cut into parts, and that rows lie
    /// on vectors, wide loads and lines of a cache as the plan's do.
    pub(crate) fn tested_classes(&self, classes: usize) -> usize {
        let team = self.widest_team.max(self.team_size) as usize;
        let beyond = (4 * team * (self.resident_vectors + 1)).max(self.registers.classes + 1);
        classes.min(beyond.max(1024).next_multiple_of(32) + classes % 32)
    }

    /// How many classes a team may take in one dispatch.
    pub(crate) fn loop_budget(&self, work: LoopWork) -> u64 {
        let Some(limit) = self.turns_of_loops else { return u64::MAX };
        let LoopWork { sweeps, rows, lanes, longest_list, times } = work;
        let turns = (limit / rows).saturating_sub(longest_list * lanes * times / self.team_size) as f64;
        // Turns that each class costs, and each class that is listed too. Along the classes a cursor goes from entry to
        // entry in a loop for each vector; down them it takes no turns of its own.
        let lists = f64::from(u8::from(longest_list > 0));
        let (each, listed) = match lanes {
            1 => (sweeps as f64 * (1.0 + lists) / (4 * self.team_size) as f64, 2.0),
            _ => (sweeps as f64, 0.0),
        };
        let short = (turns - listed * longest_list as f64) / each;
        let classes = if short >= longest_list as f64 { short } else { turns / (each + listed) };
        classes.max(0.0) as u64
    }

    /// Whether so many teams fill the device.
    pub(crate) fn is_full(&self, teams: u64) -> bool {
        teams.saturating_mul(self.team_size) >= self.width
    }

    /// How many classes each part of a split row has: enough parts to fill the device, in whole vectors.
    pub(crate) fn split_classes(&self, rows: u64, classes: u64) -> u64 {
        let splits = self.split_teams.div_ceil(rows.max(1));
        classes.div_ceil(splits).next_multiple_of(256)
    }
}

/// The strategy for a plan: the forced one if it can serve, else the default.
pub(crate) fn choose(context: &Context, kind: Kind, layout: &Layout, forced: Option<Strategy>) -> Result<Strategy> {
    let serving = serving(context, kind, &layout.shape, layout.reads_once());
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
        None => Ok(serving[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workgroups of 96 or 192 summed wrongly by a tree, and 256 took 5,120 bytes where 4,096 are asked of a device; wgpu
    /// does not hold arrays that an override sizes against the limit.
    #[test]
    fn a_tree_has_a_power_of_two_within_the_memory_of_a_workgroup() {
        let size = |team, most: u32, bytes| {
            let limits = wgpu::Limits {
                max_compute_invocations_per_workgroup: most,
                max_compute_workgroup_size_x: most,
                max_compute_workgroup_storage_size: bytes,
                ..wgpu::Limits::default()
            };
            group_size(team, 256, &limits)
        };
        assert_eq!(
            [64, 96, 192, 255, 1024].map(|most| size(Team::WorkgroupTree, most, 16_384)),
            [64, 64, 128, 128, 256]
        );
        assert_eq!([4096, 5119, 5120].map(|bytes| size(Team::WorkgroupTree, 256, bytes)), [128, 128, 256]);
        assert_eq!(size(Team::Workgroup, 256, 4096), 256);
    }
}
