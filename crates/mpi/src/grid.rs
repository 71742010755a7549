//! Ranks in a grid: shards of a vocabulary one way, batches the other.

use mpi::topology::{Color, SimpleCommunicator};
use mpi::traits::Communicator;

use crate::agree::{gathered, same};
use crate::alike::Item;
use crate::error::{Error, Result};
use crate::exchange::TIME_LIMIT;

/// A grid of ranks: those of one row hold the shards of one vocabulary, those of one column the same shard for other
/// rows of the batch.
///
/// Neighbouring ranks are put into one row, since they are on one machine as a rule, and exchange more.
///
/// ```no_run
/// use gpu_loss_mpi::{Grid, mpi};
/// let (universe, _) = mpi::initialize_with_threading(mpi::Threading::Funneled).expect("the first initialisation");
/// // Of 32 ranks 8 share a vocabulary, four times.
/// let grid = Grid::new(&universe.world(), 8)?;
/// // TensorParallelCe::new(&gpu, &grid.tensor, …), DataParallel::new(&gpu, &grid.data)
/// # Ok::<(), gpu_loss_mpi::Error>(())
/// ```
pub struct Grid {
    /// The ranks that share a vocabulary with this one.
    pub tensor: SimpleCommunicator,
    /// The ranks that hold the same shard as this one.
    pub data: SimpleCommunicator,
}

impl std::fmt::Debug for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grid({} × {})", self.tensor.size(), self.data.size())
    }
}

impl Grid {
    /// Splits a communicator into rows of so many ranks. All of its ranks call it.
    ///
    /// # Errors
    /// On all ranks: [`Error::Differs`] where they ask for different grids, [`Error::Option`] where they do not fill one.
    pub fn new<C: Communicator>(comm: &C, shards: usize) -> Result<Self> {
        let (size, rank) = (comm.size(), comm.rank());
        let refused = || Error::Option {
            what: "the number of shards",
            got: shards.to_string(),
            expected: format!("a divisor of the {size} ranks"),
        };
        let (own, limit) = gathered(comm, TIME_LIMIT);
        let item = Item { what: "the number of shards", value: shards as u64, show: |shards| shards.to_string() };
        same(&own, limit, item)?;
        let shards = i32::try_from(shards).ok().filter(|n| *n > 0 && size % n == 0).ok_or_else(refused)?;
        let part = |color| comm.split_by_color_with_key(Color::with_value(color), rank).ok_or_else(refused);
        Ok(Grid { tensor: part(rank / shards)?, data: part(rank % shards)? })
    }
}
