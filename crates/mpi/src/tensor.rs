//! A softmax cross-entropy over a vocabulary whose classes are spread over ranks.

use std::marker::PhantomData;
use std::time::Duration;

use gpu_loss::loss::{Loss as _, Spec};
use gpu_loss::{Buffers, GpuLoss, Layout, SoftmaxCe};
use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;

use crate::agree::{agree, gathered, rank, ranks, together};
use crate::alike::Item;
use crate::error::{Error, Result};
use crate::exchange::{AllGather, AllReduce, Exchange, Round, TIME_LIMIT};
use crate::plan::{Plans, describe};
use crate::record::Record;
use crate::staging::Staging;
use crate::targets::Inspection;

/// How a [`TensorParallelCe`] exchanges. All ranks must have the same but for `time_limit`.
///
/// ```
/// use gpu_loss_mpi::{AllReduce, Options};
/// let options = Options::default().exchange(AllReduce).chunk_rows(8192);
/// assert_eq!(options.time_limit.as_secs(), 60);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// How records come together: [`AllGather`], unless set.
    pub exchange: Box<dyn Exchange>,
    /// Rows a collective, 65,536 unless set; it is rounded up to what the device can bind. A batch of more rows is
    /// exchanged by chunks, each while the device makes the statistics of the next. It bounds host and staging memory:
    /// 64 bytes of staging a row, and 32 on the host for itself and each shard.
    pub chunk_rows: usize,
    /// How long a rank waits for the others to enter an exchange: 1 minute, unless set. Past that all ranks are ended with
    /// a message. For its device it waits half as long, and has an error then; for the others' plans ten times as long.
    pub time_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { exchange: Box::new(AllGather), chunk_rows: 1 << 16, time_limit: TIME_LIMIT }
    }
}

impl Options {
    /// Sets how records come together.
    #[must_use]
    pub fn exchange(mut self, exchange: impl Exchange + 'static) -> Self {
        self.exchange = Box::new(exchange);
        self
    }

    /// Sets the rows of a collective.
    #[must_use]
    pub fn chunk_rows(mut self, rows: usize) -> Self {
        self.chunk_rows = rows;
        self
    }

    /// Sets how long a rank waits.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }
}

/// What a rank has exchanged so far, over all forward passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Collectives.
    pub collectives: u64,
    /// Bytes that came from the other ranks: `32·rows·(ranks − 1)` a pass by all-gather. By all-reduce those of its
    /// result, `32·rows`: how many more it takes on the way is MPI's choice.
    pub bytes: u64,
}

/// A softmax cross-entropy over a vocabulary whose classes are spread over the ranks of a communicator.
///
/// Each rank holds the scores `[N, count, d…]` of its own classes, `[first, first + count)` of the vocabulary's, and
/// the targets of all rows: labels and class lists count over the whole vocabulary, probabilities are those of its own
/// classes. All options of [`SoftmaxCe`] are taken; class weights are given for the whole vocabulary. Losses,
/// log-sum-exps, arg-maxima and the number of correct rows are over the whole vocabulary, and the same on every rank.
///
/// ```no_run
/// use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
/// use gpu_loss_mpi::{Options, TensorParallelCe, mpi};
/// use mpi::traits::Communicator;
///
/// # fn buffers_of_this_rank() -> [gpu_loss::wgpu::Buffer; 4] { unimplemented!() }
/// let (universe, _) = mpi::initialize_with_threading(mpi::Threading::Funneled).expect("the first initialisation");
/// let world = universe.world();
/// let gpu = GpuLoss::new()?;
///
/// let (ranks, rank) = (world.size() as usize, world.rank() as usize);
/// let (rows, vocabulary) = (512, 128_256);
/// let (first, end) = (vocabulary * rank / ranks, vocabulary * (rank + 1) / ranks);
/// let layout = Layout::forward_backward(Shape::new(rows, end - first), Dtype::Bf16).shard(first, vocabulary);
/// let loss = SoftmaxCe::default().ignore_index(-100).z_loss(1e-4);
/// let mut ce = TensorParallelCe::new(&gpu, &world, &loss, &layout, Options::default())?;
///
/// let [scores, labels, grad, mean] = buffers_of_this_rank();
/// let buffers = Buffers::new(&scores, &labels);
/// ce.forward(&buffers.loss(&mean))?; // the one exchange
/// ce.backward(&buffers.grad(&grad))?; // none
/// ce.check()?; // now and then: did every label name a class?
/// # Ok::<(), gpu_loss_mpi::Error>(())
/// ```
///
/// # Order and threads
/// [`new`](Self::new), [`forward`](Self::forward) and the drop are collective: all ranks call them in the same order.
/// It has a communicator of its own, so that exchanges of yours do not mix with its, and stays on the thread that made
/// it. It must be dropped before MPI is finalised.
pub struct TensorParallelCe {
    plans: Plans,
    staging: Staging,
    comm: SimpleCommunicator,
    loss: Spec,
    options: Options,
    own: Vec<Record>,
    all: Vec<Record>,
    traffic: Traffic,
    /// Rows that counted in the last forward pass; `None` where it failed.
    counted: Option<usize>,
    /// MPI promises little to other threads.
    here: PhantomData<*const ()>,
}

impl std::fmt::Debug for TensorParallelCe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ranks = (self.comm.rank(), self.comm.size());
        f.debug_struct("TensorParallelCe").field("rank of", &ranks).field("plans", &self.plans).finish_non_exhaustive()
    }
}

impl TensorParallelCe {
    /// Makes this rank's plans, once all ranks were found to agree on shapes, options and shards.
    ///
    /// `layout` is this rank's: its shape counts the classes at hand, and [`Layout::shard`] says which they are. What
    /// else it says (type, targets, outputs, strides, in place, what arrives, a denominator) holds as for any plan.
    ///
    /// # Errors
    /// [`Error::Threads`]; what differs between ranks or is missing from the vocabulary, on all of them; what this
    /// rank's plans fail at, and [`Error::Elsewhere`] on the other ranks.
    pub fn new<C: Communicator>(
        gpu: &GpuLoss,
        comm: &C,
        loss: &SoftmaxCe,
        layout: &Layout,
        options: Options,
    ) -> Result<Self> {
        let (comm, limit) = gathered(comm, options.time_limit);
        let shards = options.exchange.shards(ranks(&comm));
        let ours = threads().and_then(|()| describe(loss, layout)).map(|(mut items, classes, vocabulary)| {
            items.extend(exchanged(&options));
            (items, classes, vocabulary)
        });
        agree(&comm, limit, ours)?;
        let loss = loss.spec();
        let made = Plans::new(gpu, &loss, layout, options.chunk_rows, shards).and_then(|plans| {
            let longest = plans.chunks.iter().map(|chunk| chunk.rows).max().unwrap_or(0);
            let staging = Staging::new(gpu.device(), gpu.queue(), plans.rows(), longest, shards)?;
            Ok((plans, staging, longest))
        });
        let (plans, staging, longest) = together(&comm, limit, "making its plans", made)?;
        Ok(TensorParallelCe {
            plans,
            staging,
            comm,
            loss,
            options,
            own: vec![Record::failure(0); longest],
            all: vec![Record::failure(0); longest * shards],
            traffic: Traffic::default(),
            counted: None,
            here: PhantomData,
        })
    }

    /// Losses, and the row statistics for the gradient: makes this shard's statistics, exchanges them, and submits the
    /// merge.
    ///
    /// Of the buffers it reads scores, targets and the denominator, and writes `loss`, `losses`, `lse` and `argmax`,
    /// those that the layout asks for; `grad` belongs to [`backward`](Self::backward), and is an error here. Statistics and
    /// shards are its own, whatever is given. It waits for this device's statistics and for the other ranks, and not for
    /// the merge. What was submitted before comes before.
    ///
    /// # Errors
    /// Where one rank fails, all do, in the same pass: with its own error there, with [`Error::Elsewhere`] on the
    /// others. [`Error::Targets`] on all where a row's target is not owned by one shard, or only some ignore the row: they
    /// were given different targets (of those that count, not told with class weights or probabilities).
    pub fn forward(&mut self, buffers: &Buffers<'_>) -> Result<()> {
        self.counted = None;
        let mut merge = self.staging.encoder();
        // Recorded before the exchange, so that what is wrong with it is told to the others.
        let recorded = self.plans.encode_merge(&mut merge, buffers, &self.staging.shards, &self.staging.merged);
        let mut failure = recorded.and_then(|()| self.depart(0, buffers)).and_then(|()| self.depart(1, buffers)).err();
        let mut inspection = Inspection::new(self.plans.owns_one());
        for index in 0..self.plans.chunks.len() {
            failure = failure.or_else(|| self.arrive(index, buffers).err());
            let elsewhere = self.exchange(index, failure.is_some());
            if let Some(rank) = elsewhere {
                self.staging.cancel();
                return Err(failure.unwrap_or(Error::Elsewhere { rank, during: "making row statistics" }));
            }
            let chunk = self.plans.chunks[index];
            let all = &self.all[..chunk.rows * self.shards()];
            inspection.see(&chunk, all);
            self.staging.place(&chunk, all);
        }
        match failure {
            // Without rows there was no exchange.
            Some(error) => return Err(error),
            None => inspection.verdict()?,
        }
        self.staging.submit(merge)?;
        self.counted = Some(inspection.counted());
        Ok(())
    }

    /// The gradient on this rank's classes, from the last forward pass: submitted, without an exchange. Upstream
    /// gradients and a denominator are read now, so that either may have changed since the forward pass.
    ///
    /// # Errors
    /// [`Error::NoForward`]; buffers that are missing, too small or overlap; the device's own errors. The other ranks
    /// are not told.
    pub fn backward(&self, buffers: &Buffers<'_>) -> Result<()> {
        let mut encoder = self.staging.encoder();
        self.encode_backward(&mut encoder, buffers)?;
        self.staging.submit(encoder)
    }

    /// As [`backward`](Self::backward), recorded into your encoder.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn encode_backward(&self, encoder: &mut wgpu::CommandEncoder, buffers: &Buffers<'_>) -> Result<()> {
        if self.counted.is_none() {
            return Err(Error::NoForward);
        }
        self.plans.encode_gradient(encoder, buffers, &self.staging.merged)
    }

    /// Waits for the device and tells of targets that no shard could own, since the last call: labels outside the
    /// vocabulary that are not ignored, lists that mean nothing. All ranks find the same. Otherwise the number of
    /// correct rows of the last forward pass, 0 unless the layout asks for it. Where the buffers of a forward pass have a
    /// `status`, both are counted there, and are not found here.
    ///
    /// # Errors
    /// [`gpu_loss::Error::TargetRow`] with the first such row and how many.
    pub fn check(&self) -> Result<u64> {
        self.plans.status()
    }

    /// Rows of the last forward pass that were not ignored: the exact count of tokens on classes without class weights,
    /// and of rows on other targets. See [`DataParallel`](crate::DataParallel).
    ///
    /// # Errors
    /// [`Error::NoForward`].
    pub fn counted_rows(&self) -> Result<usize> {
        self.counted.ok_or(Error::NoForward)
    }

    /// What this rank has exchanged so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn shards(&self) -> usize {
        self.options.exchange.shards(ranks(&self.comm))
    }

    /// Sends a chunk's statistics on their way to the host, if there is such a chunk.
    fn depart(&mut self, index: usize, buffers: &Buffers<'_>) -> Result<()> {
        let Some(chunk) = self.plans.chunks.get(index) else { return Ok(()) };
        let plans = &self.plans;
        self.staging.depart(index, chunk, |encoder, own| plans.encode_statistics(chunk, encoder, buffers, own))
    }

    /// Waits for a chunk, and sends the one that takes its place.
    fn arrive(&mut self, index: usize, buffers: &Buffers<'_>) -> Result<()> {
        let rows = self.plans.chunks[index].rows;
        // Half of what the others wait, so that they are told in time.
        self.staging.arrive(index, self.options.time_limit / 2, &mut self.own[..rows])?;
        self.depart(index + 2, buffers)
    }

    /// Exchanges a chunk. Returns the rank that failed, if one did.
    fn exchange(&mut self, index: usize, failed: bool) -> Option<usize> {
        let (ranks, rank) = (ranks(&self.comm), rank(&self.comm));
        let rows = self.plans.chunks[index].rows;
        let shards = self.shards();
        let (own, all) = (&mut self.own[..rows], &mut self.all[..rows * shards]);
        if failed {
            own.fill(Record::failure(rank));
        }
        let staging = &self.staging;
        let mut round = Round {
            comm: &self.comm,
            loss: &self.loss,
            limit: self.options.time_limit,
            meanwhile: &mut || staging.poll(),
        };
        self.options.exchange.exchange(&mut round, own, all);
        self.traffic.collectives += 1;
        self.traffic.bytes += self.options.exchange.bytes(ranks, rows);
        all.chunks_exact(rows.max(1)).find_map(|records| records.first().and_then(Record::failed))
    }
}

/// What ranks must have alike of the options.
fn exchanged(options: &Options) -> [Item; 2] {
    let show = |hash: u64| {
        let known = [AllGather.name(), AllReduce.name()].into_iter().find(|name| hash_of(name) == hash);
        known.map_or_else(|| format!("one of fingerprint {hash:x}"), str::to_owned)
    };
    [
        Item { what: "the rows a collective", value: options.chunk_rows as u64, show: |rows| rows.to_string() },
        Item { what: "the way of exchange", value: hash_of(options.exchange.name()), show },
    ]
}

/// A name as one word.
fn hash_of(name: &str) -> u64 {
    name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Refuses an MPI that was promised a process without threads.
fn threads() -> Result<()> {
    match mpi::environment::threading_support() {
        Threading::Single => Err(Error::Threads { got: "no" }),
        Threading::Funneled | Threading::Serialized | Threading::Multiple => Ok(()),
    }
}
