//! A mean over the rows of all ranks, where the rows are spread over them.

use std::time::Duration;

use gpu_loss::{GpuLoss, SoftmaxCe};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

use crate::agree::{gathered, together};
use crate::error::{Error, Result};
use crate::exchange::{TIME_LIMIT, finish};
use crate::staging::guarded;

const RESERVING: &str = "reserving a denominator";

/// What rows come to: of one rank, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// The sum of the losses.
    pub loss: f64,
    /// The sum of the weights, which the mean divides by: the number of tokens that count, say.
    pub weight: f64,
}

impl Share {
    /// The mean; NaN over nothing.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.loss / self.weight
    }
}

/// The denominator of a mean over the rows of all ranks.
///
/// Means of means are wrong where ranks have different numbers of tokens. So a plan's denominator is taken from a
/// buffer (`denominator` of the layout, and of [`Buffers`](gpu_loss::Buffers)): it holds 1 in the forward pass, whose
/// loss is then this rank's sum, and the weight of all ranks in the backward pass. Between the two there is one
/// all-reduce of two numbers.
///
/// ```no_run
/// use gpu_loss::{Buffers, GpuLoss, SoftmaxCe};
/// use gpu_loss_mpi::{DataParallel, Share, TensorParallelCe, mpi, weight_of};
/// use mpi::traits::Communicator;
///
/// # fn read(_: &gpu_loss::wgpu::Buffer) -> f32 { 0.0 }
/// # fn step(gpu: &GpuLoss, data: &impl Communicator, ce: &mut TensorParallelCe, buffers: &Buffers<'_>,
/// #         [grad, loss]: [&gpu_loss::wgpu::Buffer; 2], labels: &[i64]) -> gpu_loss_mpi::Result<()> {
/// let mean = DataParallel::new(gpu, data)?;
/// let options = SoftmaxCe::default().ignore_index(-100);
/// // Each step:
/// mean.begin();
/// let buffers = buffers.denominator(mean.denominator());
/// ce.forward(&buffers.loss(loss))?; // or a plan of your own
/// let share = Share { loss: read(loss).into(), weight: weight_of(labels, &options)? };
/// println!("loss {}", mean.reduce(share)?.mean());
/// ce.backward(&buffers.grad(grad))?;
/// # Ok(()) }
/// ```
pub struct DataParallel {
    comm: SimpleCommunicator,
    device: wgpu::Device,
    queue: wgpu::Queue,
    denominator: wgpu::Buffer,
    limit: Duration,
}

impl std::fmt::Debug for DataParallel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataParallel").field("ranks", &self.comm.size()).finish_non_exhaustive()
    }
}

impl DataParallel {
    /// For the ranks of a communicator. All of them call it.
    ///
    /// # Errors
    /// [`Error::Device`], and [`Error::Elsewhere`] on the other ranks.
    pub fn new<C: Communicator>(gpu: &GpuLoss, comm: &C) -> Result<Self> {
        let (comm, patience) = gathered(comm, TIME_LIMIT);
        let (device, queue) = (gpu.device().clone(), gpu.queue().clone());
        let made = guarded(&device, RESERVING, || {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("gpu-loss-mpi denominator"),
                size: 16,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        let denominator = together(&comm, patience, RESERVING, made)?;
        Ok(DataParallel { comm, device, queue, denominator, limit: TIME_LIMIT })
    }

    /// Sets how long a rank waits for the others, 1 minute unless set. Past that all ranks are ended with a message.
    #[must_use]
    pub fn time_limit(self, limit: Duration) -> Self {
        DataParallel { limit, ..self }
    }

    /// The buffer of the denominator, one f32.
    #[must_use]
    pub fn denominator(&self) -> &wgpu::Buffer {
        &self.denominator
    }

    /// Begins a step: the denominator is 1, and a mean a sum.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn begin(&self) -> Result<()> {
        self.set(1.0)
    }

    /// The shares of all ranks in one, by one all-reduce of two numbers; the denominator is its weight from now on, and
    /// 1 where nothing counts, so that gradients are 0 then.
    ///
    /// Sums of whole weights are exact up to 2⁵³, and rounded once, to the f32 of the denominator. The loss is the same
    /// on all ranks; its last digits may depend on how many there are.
    ///
    /// A rank that cannot go on hands over a weight of NaN, and every rank gets an error.
    ///
    /// # Errors
    /// [`Error::Option`] on every rank if one hands over a weight that is not finite, or negative; [`Error::Device`].
    pub fn reduce(&self, share: Share) -> Result<Share> {
        let weight = if share.weight >= 0.0 && share.weight.is_finite() { share.weight } else { f64::NAN };
        let own = [share.loss, weight];
        let mut all = [0.0_f64; 2];
        mpi::request::scope(|scope| {
            let request = self.comm.immediate_all_reduce_into(scope, &own[..], &mut all[..], SystemOperation::sum());
            finish(&self.comm, self.limit, request, &mut || {});
        });
        let [loss, weight]: [f64; 2] = all;
        if weight.is_nan() {
            let whose =
                if own[1].is_nan() { format!("{} here", share.weight) } else { "NaN on another rank".to_owned() };
            let expected = "a finite number of at least 0 on every rank".to_owned();
            return Err(Error::Option { what: "the weight of a share", got: whose, expected });
        }
        self.set(if weight > 0.0 { weight as f32 } else { 1.0 })?;
        Ok(Share { loss, weight })
    }

    fn set(&self, value: f32) -> Result<()> {
        guarded(&self.device, "writing a denominator", || {
            self.queue.write_buffer(&self.denominator, 0, &value.to_le_bytes());
        })
    }
}

/// What a mean over these labels divides by: `Σ w_y` over those that are not ignored, in f64.
///
/// # Errors
/// [`gpu_loss::Error::ClassOutOfRange`] for a label that has no class weight. Without class weights every label that is
/// not ignored counts 1, and the plan tells of those that name no class.
pub fn weight_of(labels: &[i64], loss: &SoftmaxCe) -> Result<f64> {
    let weights = loss.class_weights.as_deref();
    let mut sum = 0.0;
    for (row, label) in labels.iter().enumerate().filter(|(_, label)| Some(**label) != loss.ignore_index) {
        let Some(weights) = weights else {
            sum += 1.0;
            continue;
        };
        let weight = usize::try_from(*label).ok().and_then(|class| weights.get(class));
        sum += f64::from(*weight.ok_or(gpu_loss::Error::ClassOutOfRange {
            row: row as u64,
            class: *label,
            classes: weights.len() as u64,
            count: 1,
        })?);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_labels_weigh_nothing() -> Result<()> {
        let plain = SoftmaxCe::default().ignore_index(-100);
        assert_eq!(weight_of(&[3, -100, 0, -100], &plain)?, 2.0);
        let weighted = plain.class_weights([0.5, 0.25, 4.0]);
        assert_eq!(weight_of(&[2, -100, 1], &weighted)?, 4.25);
        let error = weight_of(&[2, 3], &weighted).expect_err("there are three classes");
        assert_eq!(error.to_string(), "row 1: class 3 is outside 0..3 (1 such rows)");
        Ok(())
    }
}
