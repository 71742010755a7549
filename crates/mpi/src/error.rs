//! What can go wrong.

use std::time::Duration;

/// What this crate can refuse or fail at.
///
/// An error of a collective call comes to all ranks of its communicator, in the same call, so that none waits for
/// another that has given up: with its cause on the rank that failed, as [`Error::Elsewhere`] on the others.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// MPI was started without the threads that a GPU driver brings.
    #[error(
        "MPI was initialised with {got} threads: a GPU driver has threads of its own, so that MPI has to be started by \
         mpi::initialize_with_threading(Threading::Funneled) or better"
    )]
    Threads {
        /// The level that MPI gave.
        got: &'static str,
    },
    /// Ranks were given different shapes or options.
    #[error("{what} differs between the ranks: {values}")]
    Differs {
        /// Which number or option.
        what: &'static str,
        /// What each rank has, alike ones together.
        values: String,
    },
    /// The ranks' classes are not the vocabulary, each class once.
    #[error("{problem}")]
    Shards {
        /// Which classes, and who holds them.
        problem: String,
    },
    /// Another rank failed, and says why itself.
    #[error("rank {rank} failed while {during}: its own message says why")]
    Elsewhere {
        /// The first that failed.
        rank: usize,
        /// What was being done.
        during: &'static str,
    },
    /// Rows of which the shards were given different targets.
    #[error(
        "row {row}: {problem} ({count} such {rows}): the ranks were given different targets",
        rows = if *count == 1 { "row" } else { "rows" }
    )]
    Targets {
        /// The first such row.
        row: usize,
        /// How it shows: in `Σ B_j` over all shards, say, which is 1 where they own the target once.
        problem: String,
        /// How many rows.
        count: usize,
    },
    /// The device did not hand out what it was asked for.
    #[error("the device failed while {during}: {message}")]
    Device {
        /// What was being done.
        during: &'static str,
        /// The device's words.
        message: String,
    },
    /// The device did not answer in time.
    #[error("the device did not answer within {limit:?} while {during}")]
    Timeout {
        /// What was being waited for.
        during: &'static str,
        /// How long.
        limit: Duration,
    },
    /// What was asked for makes no sense here.
    #[error("{what} is {got}, expected {expected}")]
    Option {
        /// The option.
        what: &'static str,
        /// Its value.
        got: String,
        /// What is allowed.
        expected: String,
    },
    /// A backward pass without a forward one.
    #[error("backward without a forward that succeeded: there are no row statistics to make the gradient from")]
    NoForward,
    /// An option out of its range, a layout that cannot be, or what the device could not do.
    #[error(transparent)]
    Loss(#[from] gpu_loss::Error),
}

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;
