//! Losses as data, for other implementations of WebGPU.

use ndarray::Dimension;

use super::GpuLoss;
use crate::batch::{Batch, Element};
use crate::device::profile::Choice;
use crate::error::Result;
use crate::layout::Layout;
use crate::loss::Loss;
use crate::plan::describe::{DispatchList, describe};

impl GpuLoss {
    /// The same device, taken for one of this profile that is not there (`discrete:32-64`: with subgroups of 32 to 64
    /// invocations): its plans are for [`describe`](Self::describe), which runs nothing, and for the compilers of such
    /// devices.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) for a name that is no profile's.
    pub fn posing_as(&self, profile: &str) -> Result<Self> {
        Ok(Self::in_context(self.context.posing(Choice::named(profile)?)))
    }

    /// Describes what a plan for this layout would do on this adapter, as data that another WebGPU implementation can
    /// run; nothing is built. The strategy is the forced one, else the default.
    ///
    /// ```no_run
    /// use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
    /// let gpu = GpuLoss::new()?;
    /// let layout = Layout::forward_backward(Shape::new(256, 1000), Dtype::F32);
    /// let program = gpu.describe(&SoftmaxCe::default(), &layout)?;
    /// for dispatch in &program.dispatches {
    ///     println!("{}: {:?} workgroups, {} bytes of WGSL", dispatch.label, dispatch.workgroups, dispatch.wgsl.len());
    /// }
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    ///
    /// # Errors
    /// What has no meaning; a strategy that cannot serve.
    pub fn describe<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<DispatchList> {
        describe(&self.context, &loss.spec(), layout, self.options.strategy)
    }

    /// As [`describe`](Self::describe), for a batch of host arrays, which become the contents of the inputs' buffers.
    ///
    /// # Errors
    /// As [`run`](Self::run); labels are not looked at.
    pub fn describe_batch<L: Loss, T: Element, D: Dimension>(
        &self,
        loss: &L,
        batch: &Batch<'_, T, D>,
    ) -> Result<DispatchList> {
        let spec = loss.spec();
        let (host, layout) = self.prepared(&spec, batch)?;
        let mut program = describe(&self.context, &spec, &layout, self.options.strategy)?;
        for buffer in &mut program.buffers {
            if let Some(bytes) = host.named(buffer.name) {
                buffer.size = (bytes.len() as u64).next_multiple_of(16).max(16);
                buffer.contents = Some(bytes.to_vec());
            }
        }
        Ok(program)
    }
}
