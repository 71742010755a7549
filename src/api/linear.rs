//! The linear layer and its loss in one: plans, and host arrays in one call.

use super::GpuLoss;
use crate::batch::Element;
use crate::device::Wait;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::linear::{Cut, LinearBatch, LinearCe, LinearLayout, LinearOutput, LinearPlan, Request, run};
use crate::loss::{Reduction, Spec};
#[cfg(any(test, feature = "export"))]
use crate::plan::describe::ListedDispatch;
use crate::plan::{Plan, build_suiting};
use crate::schedule::{Sizes, Strategy, serving};

impl GpuLoss {
    /// A linear layer and its loss on host arrays: loss and gradients, without the logits of the whole batch.
    ///
    /// ```no_run
    /// use gpu_loss::GpuLoss;
    /// use gpu_loss::linear::{LinearBatch, LinearCe};
    /// let gpu = GpuLoss::new()?;
    /// let hidden = ndarray::Array2::<f32>::ones((4, 8));
    /// let weight = ndarray::Array2::<f32>::zeros((100, 8));
    /// let batch = LinearBatch::new(&hidden, &weight, &[3, 1, 99, 0]);
    /// let out = gpu.linear_ce(&LinearCe::default(), &batch)?;
    /// println!("{} {:?}", out.loss, out.grad_weight.map(|grad| grad.dim()));
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    ///
    /// # Errors
    /// Wrong shapes or options, each named; labels out of range; a matrix that no binding of the device holds
    /// ([`Error::Limit`]); faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn linear_ce<T: Element>(&self, loss: &LinearCe, batch: &LinearBatch<'_, T>) -> Result<LinearOutput<T>> {
        pollster::block_on(self.linear_ce_waiting(loss, batch, Wait::Here))
    }

    /// As [`linear_ce`](Self::linear_ce), without blocking.
    ///
    /// # Errors
    /// As [`linear_ce`](Self::linear_ce).
    pub async fn linear_ce_async<T: Element>(
        &self,
        loss: &LinearCe,
        batch: &LinearBatch<'_, T>,
    ) -> Result<LinearOutput<T>> {
        self.linear_ce_waiting(loss, batch, Wait::Elsewhere).await
    }

    async fn linear_ce_waiting<T: Element>(
        &self,
        loss: &LinearCe,
        batch: &LinearBatch<'_, T>,
        wait: Wait,
    ) -> Result<LinearOutput<T>> {
        let spec = loss.spec();
        batch.check(&spec)?;
        let layout = batch.layout();
        if layout.rows == 0 {
            let over_nothing = matches!(spec.reduction, Reduction::Mean | Reduction::BatchMean);
            let is_empty = over_nothing && spec.denominator.is_none();
            return Ok(LinearOutput::empty(if is_empty { spec.empty_mean.value() } else { 0.0 }, &layout));
        }
        self.context.check_alive()?;
        let plan = self.plan_linear_async(loss, &layout).await?;
        run(&self.context, &plan, batch, wait).await
    }

    /// Makes a plan of a linear layer and its loss over device buffers.
    ///
    /// ```no_run
    /// use gpu_loss::linear::{LinearCe, LinearLayout};
    /// use gpu_loss::{Dtype, GpuLoss};
    /// let gpu = GpuLoss::new()?;
    /// let plan = gpu.plan_linear(&LinearCe::default(), &LinearLayout::new(2048, 768, 50_257, Dtype::F32))?;
    /// println!("{} rows at once, {} MB", plan.chunk_rows(), plan.scratch_bytes() / 1_000_000);
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    ///
    /// # Errors
    /// An option or layout that has no meaning; [`Error::Limit`] where the device binds too little at once; faults of the
    /// device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan_linear(&self, loss: &LinearCe, layout: &LinearLayout) -> Result<LinearPlan> {
        pollster::block_on(self.plan_linear_async(loss, layout))
    }

    /// As [`plan_linear`](Self::plan_linear), without blocking.
    ///
    /// # Errors
    /// As [`plan_linear`](Self::plan_linear).
    pub async fn plan_linear_async(&self, loss: &LinearCe, layout: &LinearLayout) -> Result<LinearPlan> {
        let request = self.linear_request(loss, layout);
        let cut = request.check()?;
        let plans = match cut {
            Cut::Strips(strips) => vec![self.proven_plan(&request.spec, &request.merge_layout(strips)).await?],
            Cut::Chunks(chunks) => {
                let spec = request.chunk_spec();
                let whole = request.chunk_layout(layout.rows);
                let mut plans = Vec::new();
                let last = layout.rows % chunks.rows as usize;
                for rows in [chunks.rows as usize, last].into_iter().filter(|rows| *rows > 0) {
                    plans.push(self.chunk_plan(&spec, &request.chunk_layout(rows), &whole).await?);
                }
                plans
            }
        };
        request.build(cut, plans).await
    }

    /// The kernels of a linear plan's own as data, in the order of its dispatches, without building it: the products and what
    /// is around them. The loss of a chunk is a plan of [`SoftmaxCe`](crate::SoftmaxCe).
    ///
    /// # Errors
    /// As [`plan_linear`](Self::plan_linear), but for faults of the device.
    #[cfg(any(test, feature = "export"))]
    pub fn describe_linear(&self, loss: &LinearCe, layout: &LinearLayout) -> Result<Vec<ListedDispatch>> {
        let request = self.linear_request(loss, layout);
        // Nothing in it waits where nothing is built.
        pollster::block_on(request.list(request.check()?))
    }

    fn linear_request(&self, loss: &LinearCe, layout: &LinearLayout) -> Request<'_> {
        Request {
            context: &self.context,
            kernels: &self.linear,
            spec: loss.spec(),
            layout: *layout,
            memory: loss.memory,
        }
    }

    /// A plan for a chunk with the kernels that serve the whole batch, so that chunks of any size give the same bits. No row
    /// is split: how many parts it then has depends on how many rows there are.
    async fn chunk_plan(&self, spec: &Spec, chunk: &Layout, whole: &Layout) -> Result<Plan> {
        let context = &self.context;
        let mut strategies = serving(context, spec.kind, &whole.shape, whole.reads_once());
        strategies.retain(|strategy| *strategy != Strategy::SplitRow);
        if let Some(forced) = self.options.strategy.filter(|forced| *forced != Strategy::SplitRow) {
            strategies.retain(|strategy| *strategy == forced);
        }
        let mut refused = None;
        for strategy in strategies {
            let refusal = if self.options.self_test { self.trial(spec, whole, strategy).await? } else { None };
            match refusal {
                Some(refusal) => refused = Some(refusal),
                None => {
                    let sizes = Sizes::of(context, spec, whole, strategy);
                    return build_suiting(Some(sizes), context, spec, chunk, Some(strategy)).await;
                }
            }
        }
        Err(Error::Miscompiled {
            loss: "linear_ce",
            strategy: refused.as_ref().map_or("none", |refusal| refusal.strategy.name()).to_owned(),
            adapter: context.info.name.clone(),
            error_ratio: refused.map_or(f64::INFINITY, |refusal| refusal.difference.worst()),
        })
    }
}
