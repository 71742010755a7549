//! Which of a machine's GPUs a rank takes.

use gpu_loss::GpuLoss;
use gpu_loss::builder::AdapterFilter;
use mpi::traits::Communicator;

use crate::error::Result;

/// Opens the GPU of this rank: the ranks of one machine take its GPUs in turns, by PCI bus.
///
/// Of the adapters that `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` admit it counts those that are of the best one's kind
/// and backend, so that no rank ends up on a processor's graphics or a software driver beside real GPUs.
///
/// All ranks of the communicator call it.
///
/// # Errors
/// [`gpu_loss::Error::NoAdapter`], or the device's own error. The other ranks are not told: see
/// [`or_end_all`](crate::or_end_all).
pub fn open_bound<C: Communicator>(comm: &C) -> Result<GpuLoss> {
    let rank = usize::try_from(comm.split_shared(comm.rank()).rank()).unwrap_or(0);
    let filter = AdapterFilter::default();
    let mut adapters = GpuLoss::adapters(&filter);
    let Some(best) = adapters.first().map(|adapter| adapter.get_info()) else {
        // It knows what to advise.
        return Ok(GpuLoss::open(&filter)?);
    };
    adapters.retain(|adapter| {
        let info = adapter.get_info();
        (info.backend, info.device_type) == (best.backend, best.device_type)
    });
    adapters.sort_by_key(|adapter| adapter.get_info().device_pci_bus_id);
    Ok(GpuLoss::on_adapter(&adapters[rank % adapters.len()])?)
}
