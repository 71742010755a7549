//! The end of all ranks, where one cannot go on.

use std::fmt::Display;

use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;

/// What all ranks exit with.
const CODE: i32 = 70;

/// What came out, or the end of all ranks with the error's message.
///
/// A rank that leaves its loop alone makes the others wait for it in the next collective, or in `MPI_Finalize`. So wrap
/// the whole of a rank's work:
///
/// ```no_run
/// use gpu_loss_mpi::{mpi, or_end_all};
/// use mpi::traits::Communicator;
///
/// let (universe, _) = mpi::initialize_with_threading(mpi::Threading::Funneled).expect("the first initialisation");
/// let world = universe.world();
/// gpu_loss_mpi::end_all_on_panic();
/// or_end_all(&world, train(&world));
/// # fn train(_: &impl Communicator) -> gpu_loss_mpi::Result<()> { Ok(()) }
/// ```
pub fn or_end_all<C: Communicator, T, E: Display>(comm: &C, outcome: Result<T, E>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => end_all(comm, &error.to_string()),
    }
}

/// From now on a panic of this rank ends all ranks, once its message is written. Without this, the others wait for a
/// rank that is gone.
pub fn end_all_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        if mpi::environment::is_initialized() && !mpi::environment::is_finalized() {
            end_all(&SimpleCommunicator::world(), "it panicked");
        }
    }));
}

/// Writes why, and ends all ranks.
pub(crate) fn end_all<C: Communicator>(comm: &C, why: &str) -> ! {
    eprintln!("gpu-loss-mpi: rank {} of {} ends all ranks: {why}", comm.rank(), comm.size());
    comm.abort(CODE)
}
