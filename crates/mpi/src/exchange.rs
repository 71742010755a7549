//! How the statistics of the ranks come together: by all-gather, or by all-reduce.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use gpu_loss::loss::Spec;
use mpi::collective::UserOperation;
use mpi::request::{Request, Scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

use crate::fault;
use crate::record::{RECORD_BYTES, Record};

/// How long a rank waits unless it is told otherwise.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// One collective, in which every rank hands over its records and gets those of all.
///
/// The two of this crate are [`AllGather`] and [`AllReduce`]; another may be written for a network with needs of its
/// own. All ranks must use the same one: this is checked when a [`TensorParallelCe`](crate::TensorParallelCe) is made,
/// by the name.
pub trait Exchange: Debug {
    /// The name, alike on all ranks.
    fn name(&self) -> &'static str;

    /// Records of each row that come back.
    fn shards(&self, ranks: usize) -> usize;

    /// Bytes that a rank needs of the others for so many rows.
    fn bytes(&self, ranks: usize, rows: usize) -> u64;

    /// Exchanges the records of some rows. `own` has one for each row; `all` is to hold `shards` times as many, one
    /// shard after another.
    ///
    /// It must begin the collective without blocking and let the round [`finish`](Round::finish) it, so that the device
    /// is seen to meanwhile and a rank that never comes is noticed.
    fn exchange(&self, round: &mut Round<'_>, own: &[Record], all: &mut [Record]);
}

/// One exchange's surroundings.
#[allow(missing_debug_implementations, reason = "it holds a closure")]
pub struct Round<'a> {
    pub(crate) comm: &'a SimpleCommunicator,
    pub(crate) loss: &'a Spec,
    pub(crate) limit: Duration,
    pub(crate) meanwhile: &'a mut dyn FnMut(),
}

impl<'a> Round<'a> {
    /// The ranks that take part.
    #[must_use]
    pub fn comm(&self) -> &'a SimpleCommunicator {
        self.comm
    }

    /// The loss, for [`Record::merge`].
    #[must_use]
    pub fn loss(&self) -> &'a Spec {
        self.loss
    }

    /// Waits until a collective is done, and sees to the device meanwhile. Past the time limit it ends all ranks with a
    /// message: a collective that some ranks never enter can be neither finished nor taken back.
    pub fn finish<'b, D: ?Sized, S: Scope<'b>>(&mut self, request: Request<'b, D, S>) {
        finish(self.comm, self.limit, request, &mut *self.meanwhile);
    }
}

/// Waits for a collective; see [`Round::finish`].
pub(crate) fn finish<'b, C: Communicator, D: ?Sized, S: Scope<'b>>(
    comm: &C,
    limit: Duration,
    mut request: Request<'b, D, S>,
    meanwhile: &mut dyn FnMut(),
) {
    /// Turns before a wait begins to sleep between two of them.
    const EAGER: u32 = 200;
    let begin = Instant::now();
    let mut turns = 0_u32;
    loop {
        match request.test() {
            Ok(_) => return,
            Err(pending) => request = pending,
        }
        meanwhile();
        if begin.elapsed() > limit {
            let text = format!(
                "the other ranks have not all entered the exchange within {limit:?}: one has died, or left the loop"
            );
            fault::end_all(comm, &text);
        }
        turns = turns.saturating_add(1);
        if turns < EAGER { std::thread::yield_now() } else { std::thread::sleep(Duration::from_micros(20)) }
    }
}

/// The records of all ranks to all ranks, to be merged on each device: the default.
///
/// 32 bytes a row come from each other rank. They are merged in the order of the ranks, so that the results have the
/// same bits on every rank (of like devices) and in every run.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllGather;

impl Exchange for AllGather {
    fn name(&self) -> &'static str {
        "all-gather"
    }

    fn shards(&self, ranks: usize) -> usize {
        ranks
    }

    fn bytes(&self, ranks: usize, rows: usize) -> u64 {
        (ranks.saturating_sub(1) * rows * RECORD_BYTES) as u64
    }

    fn exchange(&self, round: &mut Round<'_>, own: &[Record], all: &mut [Record]) {
        mpi::request::scope(|scope| {
            let request = round.comm.immediate_all_gather_into(scope, own, all);
            round.finish(request);
        });
    }
}

/// One record a row, merged on the way by an operation of MPI's on the host: for many ranks, since its bytes hardly
/// grow with them.
///
/// MPI chooses the order of the merges. The ranks of one run have the same bits where it merges the same way for all,
/// which the standard advises and does not ask for; another number of ranks, or another library, may change the last
/// ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllReduce;

impl Exchange for AllReduce {
    fn name(&self) -> &'static str {
        "all-reduce"
    }

    fn shards(&self, _: usize) -> usize {
        1
    }

    fn bytes(&self, ranks: usize, rows: usize) -> u64 {
        if ranks > 1 { (rows * RECORD_BYTES) as u64 } else { 0 }
    }

    fn exchange(&self, round: &mut Round<'_>, own: &[Record], all: &mut [Record]) {
        let loss = round.loss;
        let operation = UserOperation::commutative(move |new, merged| {
            // Of another type than the one that is sent MPI hands over nothing.
            if let (Some(new), Some(merged)) = (new.downcast::<Record>(), merged.downcast::<Record>()) {
                for (new, merged) in new.iter().zip(merged.iter_mut()) {
                    *merged = Record::merge(loss, new, merged);
                }
            }
        });
        mpi::request::scope(|scope| {
            let request = round.comm.immediate_all_reduce_into(scope, own, all, &operation);
            round.finish(request);
        });
    }
}

/// Waits until all ranks have come here.
pub(crate) fn enter<C: Communicator>(comm: &C, limit: Duration) {
    finish(comm, limit, comm.immediate_barrier(), &mut || {});
}

/// The values of all ranks to all ranks, in their order; `count` a rank.
pub(crate) fn gather(comm: &SimpleCommunicator, limit: Duration, own: &[u64]) -> Vec<u64> {
    let mut all = vec![0; own.len() * comm.size() as usize];
    mpi::request::scope(|scope| {
        let request = comm.immediate_all_gather_into(scope, own, &mut all[..]);
        finish(comm, limit, request, &mut || {});
    });
    all
}
