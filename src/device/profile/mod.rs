//! Every number that plans decide by and that depends on the device, in one struct, one file a profile.
//!
//! A profile is chosen when a device is opened, by what its driver says of it, or by name: `GPU_LOSS_PROFILE`, or the
//! builder. Beside each number stands the command that measured it, or the word "estimate".

mod apple;
mod choice;
mod cpu;
mod discrete;
mod integrated;
mod llvmpipe;
mod no_subgroups;

pub(crate) use choice::Choice;

/// What a plan goes by on one kind of device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    /// The name, as `GPU_LOSS_PROFILE` takes it.
    pub(crate) name: &'static str,
    /// Whether kernels use subgroup operations where the device has them.
    pub(crate) subgroups: bool,
    /// Who takes a row, by its length.
    pub(crate) rows: RowTeams,
    /// How large workgroups are.
    pub(crate) workgroups: Workgroups,
    /// What stays in registers.
    pub(crate) registers: Registers,
    /// Few rows that are long enough are split over several teams.
    pub(crate) splitting: Splitting,
    /// What `Tuning::Measure` times.
    pub(crate) sample: Sample,
    /// How products of matrices are cut into tiles.
    pub(crate) products: Products,
    /// What exists for Mesa's llvmpipe alone.
    pub(crate) llvmpipe: Mechanisms,
}

/// Who takes a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RowTeams {
    /// Classes of the longest row that one thread takes.
    pub(crate) thread: usize,
    /// Classes of the longest row that one subgroup takes.
    pub(crate) subgroup: usize,
    /// Long rows that are read once (for statistics alone, or a gradient from them) and that threads take all the same.
    pub(crate) read_once: Option<ReadOnce>,
    /// Whether losses of single elements are taken by subgroups; else by workgroups.
    pub(crate) elements_by_subgroups: bool,
    /// Classes of the shortest row that gets a workgroup of one subgroup to itself.
    pub(crate) alone: Option<usize>,
}

/// Rows that are read once: so many at least, of so many classes at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ReadOnce {
    /// The fewest rows.
    pub(crate) rows: usize,
    /// The most classes.
    pub(crate) classes: usize,
}

/// How large workgroups are, by the kind of their teams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Workgroups {
    /// Invocations of a workgroup whose threads or subgroups take rows of their own.
    pub(crate) independent: u32,
    /// Invocations of a workgroup that takes a row as a whole.
    pub(crate) whole: u32,
    /// Invocations of a workgroup that takes a row as a whole, without subgroup operations.
    pub(crate) tree: u32,
}

/// What an invocation holds of rows in registers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Registers {
    /// Classes of the longest rows of which a thread holds four.
    pub(crate) classes: usize,
    /// Vectors of four elements that a thread holds, or each invocation of a subgroup.
    pub(crate) vectors: usize,
    /// Vectors of four elements that each invocation of a workgroup holds.
    pub(crate) workgroup_vectors: usize,
}

/// When rows are split over several teams, and into how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Splitting {
    /// Rows are split only if a batch has fewer than so many.
    pub(crate) below_rows: usize,
    /// Rows are split only if they have at least so many classes.
    pub(crate) classes: usize,
    /// Teams that fill the device.
    pub(crate) teams: u64,
    /// Whether the teams are subgroups; else workgroups.
    pub(crate) by_subgroups: bool,
}

/// The part of a batch that is timed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Elements that keep the device busy for long enough.
    pub(crate) elements: u64,
    /// The fewest rows that they are in.
    pub(crate) rows: u64,
    /// The most elements, however long the rows.
    pub(crate) most: u64,
}

/// How products of matrices are cut into tiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Products {
    /// Steps of the depth to a turn of the loop over them: 8 or 4.
    pub(crate) unrolled: u32,
    /// Whether an invocation makes a block of 8 × 8 where lines are loaded element by element too; else of 4 × 4.
    pub(crate) wide_scalars: bool,
    /// Invocations next to each other, and below each other, of a tile of which row statistics are kept: 16 or 8.
    pub(crate) statistics: u32,
}

/// What Mesa's llvmpipe alone gets: see `llvmpipe.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mechanisms {
    /// How many turns of loops an invocation can take in all, where that is few enough to reach: Mesa's llvmpipe leaves
    /// every loop once an invocation has taken 65,535 turns in all of its loops together
    /// (`LP_MAX_TGSI_LOOP_ITERATIONS`), and what the loop had still to do is not done.
    pub(crate) turns_of_loops: Option<u64>,
    /// Whether vectors and integers are loaded as words of 64 bits, where the device knows them, and scores by 32 bytes.
    pub(crate) wide_loads: bool,
    /// Whether f16 is widened in integers.
    pub(crate) widens_in_integers: bool,
    /// Whether adjacent threads take rows that lie apart: see `shaders/access/llvmpipe/interleave.wgsl`.
    pub(crate) interleaves: bool,
}

impl Mechanisms {
    /// Those of all other drivers.
    const NONE: Self =
        Mechanisms { turns_of_loops: None, wide_loads: false, widens_in_integers: false, interleaves: false };
}

/// All profiles.
pub(crate) const ALL: [Profile; 6] =
    [discrete::PROFILE, integrated::PROFILE, apple::PROFILE, no_subgroups::PROFILE, cpu::PROFILE, llvmpipe::PROFILE];
