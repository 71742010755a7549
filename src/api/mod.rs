//! The front door: an adapter, a device, and one method a loss.

mod builder;
#[cfg(any(test, feature = "export"))]
mod describe;
#[cfg(feature = "fault-injection")]
mod faults;
mod host;
mod host_arrays;
mod known_answers;
mod linear;
mod places;
mod profile;
mod read;
mod results;
mod self_test;
mod symmetric;
mod test_key;
mod tuning;
mod units;

pub use builder::Builder;
pub use self_test::Refusal;
pub use tuning::Tuning;
#[cfg(not(target_arch = "wasm32"))]
pub use tuning::TuningFile;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ndarray::Dimension;

use crate::batch::{Batch, Element, Output, Shape};
use crate::device::adapter::{self, AdapterFilter};
use crate::device::profile::Choice;
use crate::device::{Context, LastWords, Wait};
use crate::error::Result;
use crate::layout::Layout;
use crate::linear::LinearKernels;
#[cfg(not(target_arch = "wasm32"))]
use crate::loss::{Bce, Ce, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal};
use crate::loss::{Kind, Loss, Spec};
use crate::plan::{Plan, PlanPair};
use crate::schedule::{Strategy, serving};

/// Fused losses on one GPU.
///
/// One-call methods take host arrays and return loss and gradient; their plans are kept, so that a second batch of the
/// same shape starts at once.
///
/// ```no_run
/// use gpu_loss::{Batch, GpuLoss};
/// let gpu = GpuLoss::new()?;
/// let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
/// let out = gpu.softmax_ce(&Batch::new(&logits, &[0, 2]))?;
/// println!("{} {}", out.loss, out.gradient()?);
/// # Ok::<(), gpu_loss::Error>(())
/// ```
///
/// It is a handle: a clone shares the device, the kernels and the plans. Settings belong to the handle and are made once,
/// by the [`builder`](Self::builder) or by a handle with another one ([`with_strategy`](Self::with_strategy),
/// [`with_tuning`](Self::with_tuning), [`with_self_test`](Self::with_self_test)): no thread changes another's.
#[derive(Debug, Clone)]
pub struct GpuLoss {
    context: Arc<Context>,
    options: Options,
    plans: Arc<Mutex<Vec<Arc<host::HostPlan>>>>,
    self_test: Arc<self_test::SelfTest>,
    choices: Arc<tuning::Choices>,
    linear: Arc<LinearKernels>,
}

/// What decides how plans are made, besides loss and layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    /// For every plan; chosen by shape and adapter if absent.
    strategy: Option<Strategy>,
    tuning: Tuning,
    self_test: bool,
}

impl GpuLoss {
    /// Opens the best adapter (`WGPU_BACKEND`, `WGPU_ADAPTER_NAME` and `WGPU_POWER_PREF` choose another).
    ///
    /// # Errors
    /// [`Error::NoAdapter`](crate::Error::NoAdapter) with what to install, or the device's own error.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new() -> Result<Self> {
        pollster::block_on(Self::new_async())
    }

    /// As [`new`](Self::new), without blocking.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn new_async() -> Result<Self> {
        Self::open_async(&AdapterFilter::default()).await
    }

    /// Opens the best adapter that a filter admits.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(filter: &AdapterFilter) -> Result<Self> {
        pollster::block_on(Self::open_async(filter))
    }

    /// As [`open`](Self::open), without blocking.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn open_async(filter: &AdapterFilter) -> Result<Self> {
        Self::builder().adapter(filter.clone()).open_async().await
    }

    /// Every adapter that a filter admits, each opened, the best first.
    ///
    /// # Errors
    /// The first device's error; no adapter at all is an empty list.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_all(filter: &AdapterFilter) -> Result<Vec<Self>> {
        Self::adapters(filter).iter().map(Self::on_adapter).collect()
    }

    /// Every adapter that a filter admits, the best first (empty if there is none).
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn adapters(filter: &AdapterFilter) -> Vec<wgpu::Adapter> {
        pollster::block_on(adapter::find(filter))
    }

    /// Opens a device on this adapter, with all that the losses can use.
    ///
    /// # Errors
    /// The device's own error.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn on_adapter(adapter: &wgpu::Adapter) -> Result<Self> {
        pollster::block_on(Self::on_adapter_async(adapter))
    }

    /// As [`on_adapter`](Self::on_adapter), without blocking.
    ///
    /// # Errors
    /// The device's own error, or a `GPU_LOSS_STRATEGY` that names no strategy.
    pub async fn on_adapter_async(adapter: &wgpu::Adapter) -> Result<Self> {
        Self::builder().on_adapter_async(adapter).await
    }

    /// Shares the caller's device. Nothing is set on it: no callback, no error handler.
    ///
    /// ```no_run
    /// use gpu_loss::builder::AdapterFilter;
    /// use gpu_loss::{GpuLoss, wgpu};
    /// let adapters = GpuLoss::adapters(&AdapterFilter::default());
    /// let adapter = adapters.first().expect("an adapter");
    /// let (required_features, required_limits) = GpuLoss::wanted(adapter); // and what your own kernels need
    /// let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
    /// let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))?;
    /// let gpu = GpuLoss::from_device(adapter, device.clone(), queue.clone())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Limit`](crate::Error::Limit) with the limit that is too small; [`Error::Device`](crate::Error::Device) for
    /// a queue of another device (in a browser the first batch tells); a `GPU_LOSS_STRATEGY` that names no strategy.
    pub fn from_device(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<Self> {
        Self::builder().from_device(adapter, device, queue)
    }

    /// On a device that was found fit, by the profile that is chosen; else by what its driver says.
    fn on_device(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
        last_words: LastWords,
        choice: Option<Choice>,
    ) -> Result<Self> {
        let mut gpu = Self::in_context(Context::new(adapter.get_info(), device, queue, last_words, choice));
        // What is not UTF-8 names no strategy, and is shown as far as it can be.
        if let Some(name) = std::env::var_os("GPU_LOSS_STRATEGY").filter(|name| !name.is_empty()) {
            gpu.options.strategy = Some(name.to_string_lossy().parse()?);
        }
        Ok(gpu)
    }

    fn in_context(context: Context) -> Self {
        let off = std::env::var("GPU_LOSS_SELF_TEST").is_ok_and(|v| v == "0");
        GpuLoss {
            self_test: Arc::new(self_test::SelfTest::on(&context)),
            context: Arc::new(context),
            options: Options { strategy: None, tuning: Tuning::default(), self_test: !off },
            plans: Arc::default(),
            choices: Arc::default(),
            linear: Arc::default(),
        }
    }

    /// The features and limits to ask for when a device is made that [`from_device`](Self::from_device) will share.
    /// Less will do: without the feature `SUBGROUP` other kernels serve, and smaller limits mean more dispatches.
    #[must_use]
    pub fn wanted(adapter: &wgpu::Adapter) -> (wgpu::Features, wgpu::Limits) {
        adapter::wanted(adapter)
    }

    /// How long a call waits for the device: 2 minutes, unless the [`Builder::time_limit`] says otherwise.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.context.time_limit()
    }

    /// The adapter's description.
    #[must_use]
    pub fn adapter_info(&self) -> &wgpu::AdapterInfo {
        &self.context.info
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.context.device
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.context.queue
    }

    /// A handle on the same device whose plans all take this strategy; `None`: chosen by shape and adapter, as it is unless
    /// the [`Builder::strategy`] or `GPU_LOSS_STRATEGY` says otherwise.
    ///
    /// ```no_run
    /// use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe, loss::Kind};
    /// let gpu = GpuLoss::new()?;
    /// let layout = Layout::forward_backward(Shape::new(4096, 1000), Dtype::F32);
    /// for strategy in gpu.strategies(Kind::SoftmaxCe, layout.shape) {
    ///     let plan = gpu.with_strategy(strategy).plan(&SoftmaxCe::default(), &layout)?;
    ///     println!("{strategy}: {} bytes of scratch", plan.scratch_bytes());
    /// }
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    #[must_use]
    pub fn with_strategy(&self, strategy: impl Into<Option<Strategy>>) -> Self {
        GpuLoss { options: Options { strategy: strategy.into(), ..self.options }, ..self.clone() }
    }

    /// The strategies that can serve a loss on scores of this shape on this adapter, the model's choice for loss and
    /// gradient first.
    #[must_use]
    pub fn strategies(&self, kind: Kind, shape: Shape) -> Vec<Strategy> {
        serving(&self.context, kind, &shape, false)
    }

    /// Makes a plan for a layout.
    ///
    /// # Errors
    /// An option outside its range, a strategy that cannot serve, or a device that lacks what is needed.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<Plan> {
        pollster::block_on(self.plan_async(loss, layout))
    }

    /// As [`plan`](Self::plan), without blocking.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn plan_async<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<Plan> {
        self.proven_plan(&loss.spec(), layout).await
    }

    /// Makes the two halves of a training step from a layout of [`Mode::Whole`](crate::layout::Mode::Whole): a forward
    /// plan that writes losses and row statistics, and a backward plan that makes the gradient from these. Each takes what
    /// is its own: outputs the forward one, what arrives and where the gradient goes the backward one. See [`PlanPair`].
    ///
    /// # Errors
    /// As [`plan`](Self::plan); [`Error::Layout`](crate::Error::Layout) for another mode.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan_pair<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<PlanPair> {
        pollster::block_on(self.plan_pair_async(loss, layout))
    }

    /// As [`plan_pair`](Self::plan_pair), without blocking.
    ///
    /// # Errors
    /// As [`plan_pair`](Self::plan_pair).
    pub async fn plan_pair_async<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<PlanPair> {
        let spec = loss.spec();
        let (forward, backward) = layout.halves(&spec)?;
        let forward = self.proven_plan(&spec, &forward).await?;
        Ok(PlanPair { forward, backward: self.proven_plan(&spec, &backward).await? })
    }

    /// Any loss with its options (or a [`Spec`]), on a batch of host arrays.
    ///
    /// ```no_run
    /// use gpu_loss::{Batch, GpuLoss, SoftmaxCe};
    /// # fn example(gpu: &GpuLoss, logits: &ndarray::Array2<f32>, labels: &[i64]) -> gpu_loss::Result<()> {
    /// let out = gpu.run(&SoftmaxCe::default().label_smoothing(0.1), &Batch::new(logits, labels).with_correct())?;
    /// println!("{} with {:?} rows right", out.loss, out.correct);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Wrong shapes, options or targets, each named; labels out of range; faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run<L: Loss, T: Element, D: Dimension>(&self, loss: &L, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        pollster::block_on(self.run_waiting(&loss.spec(), batch, Wait::Here))
    }

    /// As [`run`](Self::run), without blocking.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_async<L: Loss, T: Element, D: Dimension>(
        &self,
        loss: &L,
        batch: &Batch<'_, T, D>,
    ) -> Result<Output<T, D>> {
        self.run_waiting(&loss.spec(), batch, Wait::Elsewhere).await
    }

    /// Lets go of the plans of earlier one-call batches, so that the next ones are chosen anew.
    #[cfg(not(target_arch = "wasm32"))]
    fn forget_plans(&self) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The plan for one-call batches like this one, made or remembered.
    async fn host_plan(&self, spec: &Spec, layout: &Layout) -> Result<Arc<host::HostPlan>> {
        /// Plans that are remembered.
        const KEPT: usize = 32;
        let fits = |plan: &Arc<host::HostPlan>| plan.fits(spec, layout, self.options);
        {
            let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = plans.iter().position(fits) {
                let plan = plans.remove(at);
                plans.insert(0, Arc::clone(&plan));
                return Ok(plan);
            }
        }
        let plan = Arc::new(host::HostPlan::new(self.proven_plan(spec, layout).await?, self.options));
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.insert(0, Arc::clone(&plan));
        plans.truncate(KEPT);
        Ok(plan)
    }
}

/// The one-call methods, one for each loss.
macro_rules! one_call {
    ($($plain:ident, $loss:ident, $what:literal;)*) => {
        #[cfg(not(target_arch = "wasm32"))]
        impl GpuLoss {$(
            #[doc = concat!($what, " with the default options of [`", stringify!($loss), "`]; [`run`](Self::run) takes others.")]
            ///
            /// # Errors
            /// As [`run`](Self::run).
            pub fn $plain<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
                self.run(&$loss::default(), batch)
            }
        )*}
    };
}

one_call! {
    softmax_ce, SoftmaxCe, "Softmax cross-entropy";
    sigmoid_ce, SigmoidCe, "Sigmoid (binary) cross-entropy";
    softmax_focal, SoftmaxFocal, "Softmax focal loss";
    sigmoid_focal, SigmoidFocal, "Sigmoid focal loss";
    ce, Ce, "Cross-entropy of given probabilities";
    bce, Bce, "Binary cross-entropy of given probabilities";
}
