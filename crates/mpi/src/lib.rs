//! Softmax cross-entropies over ranks of MPI: a vocabulary that is spread over several devices, a batch that is, or
//! both.
//!
//! Each rank makes the statistics of its own classes, 32 bytes a row; **one** exchange brings them together; each
//! device then has the losses, and its slice of the gradient without another exchange. See [`TensorParallelCe`],
//! [`DataParallel`] and [`Grid`], and `docs/distributed.md` of gpu-loss for what it costs.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod agree;
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
