//! How many bytes a plan moves.

use super::Plan;

/// Bytes that a plan reads and writes of one buffer: [`Plan::traffic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// The buffer's name: that of its setter in [`Buffers`](super::Buffers), or a name for a buffer of the plan's own.
    pub buffer: &'static str,
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

impl Plan {
    /// What one run moves: how many bytes its dispatches read and write of each buffer, the plan's own among them.
    ///
    /// It follows from the schedule. A row in registers is read once; one that is too long for them is read again for its
    /// gradient, and so are its dense targets. What a cache gives back within a dispatch counts once. The indices of class
    /// lists do not count: only the lists tell how many there are.
    ///
    /// ```no_run
    /// use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
    /// let gpu = GpuLoss::new()?;
    /// let plan = gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(4096, 1000), Dtype::F32))?;
    /// let bytes: u64 = plan.traffic().iter().map(|buffer| buffer.read + buffer.written).sum();
    /// println!("{bytes} bytes a run, {} of them scores and gradients", 2 * 4096 * 1000 * 4);
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    #[must_use]
    pub fn traffic(&self) -> Vec<Traffic> {
        self.traffic.clone()
    }
}
