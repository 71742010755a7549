//! Softmax cross-entropies over the ranks of MPI: a vocabulary whose classes are spread over several devices, a batch
//! whose rows are, or both.
//!
//! Each rank makes the statistics of its own classes, 32 bytes a row; **one** exchange brings them together; each
//! device then has the losses, and its slice of the gradient without another exchange.
//!
//! | item | what it is for |
//! |---|---|
//! | [`TensorParallelCe`] | a vocabulary over ranks: begin here |
//! | [`DataParallel`] | a mean over the rows of all ranks |
//! | [`Grid`] | both at once |
//! | [`AllGather`], [`AllReduce`] | how the statistics come together; [`Exchange`] for a way of your own |
//! | [`open_bound`] | this rank's own of a machine's GPUs |
//! | [`or_end_all`], [`end_all_on_panic`] | the end of all ranks where one cannot go on |
//!
//! What the ranks see when something goes wrong, how they run on a cluster and what an exchange costs is in
//! [docs/distributed.md](https://github.com/gpu-loss/gpu-loss/blob/main/docs/distributed.md). MPI comes through rsmpi,
//! re-exported as [`mpi`].

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod agree;
mod alike;
mod bind;
mod data;
mod error;
mod exchange;
mod fault;
mod grid;
mod plan;
mod record;
mod staging;
mod targets;
mod tensor;

pub use bind::open_bound;
pub use data::{DataParallel, Share, weight_of};
pub use error::{Error, Result};
pub use exchange::{AllGather, AllReduce, Exchange, Round};
pub use fault::{end_all_on_panic, or_end_all};
pub use grid::Grid;
pub use mpi;
pub use record::{RECORD_BYTES, Record};
pub use tensor::{Options, TensorParallelCe, Traffic};
