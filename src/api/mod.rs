//! The front door: an adapter, a device, and one method a loss.

mod builder;
mod describe;
mod host;
mod known_answers;
mod self_test;
mod tuning;
mod units;

pub use builder::Builder;
pub use self_test::Refusal;
pub use tuning::Tuning;
#[cfg(not(target_arch = "wasm32"))]
pub use tuning::TuningFile;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ndarray::Dimension;

use crate::batch::{Batch, Dtype, Element, Output, Shape};
use crate::device::adapter::{self, AdapterFilter};
use crate::device::profile::Choice;
use crate::device::{Context, Fault, LastWords, Wait};
use crate::error::Result;
use crate::layout::Layout;
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
/// use gpu_loss::{Batch, GpuLoss, Targets};
/// let gpu = GpuLoss::new()?;
/// let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
/// let out = gpu.softmax_ce(&Batch::new(logits.view(), Targets::Classes(&[0_i64, 2])))?;
/// println!("{} {}", out.loss, out.grad);
/// # Ok::<(), gpu_loss::Error>(())
/// ```
#[derive(Debug)]
pub struct GpuLoss {
    context: Arc<Context>,
    /// 0: chosen by shape and adapter; else one more than the place in [`Strategy::ALL`].
    forced: AtomicU8,
    plans: Mutex<Vec<Arc<host::HostPlan>>>,
    self_test: self_test::SelfTest,
    choices: tuning::Choices,
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
        Self::on_adapter_async(&adapter::best(filter).await?).await
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
        let (device, queue, last_words) = adapter::open(adapter).await?;
        Self::on_device(adapter, device, queue, last_words)
    }

    /// Shares the caller's device. Nothing is set on it: no callback, no error handler.
    ///
    /// ```no_run
    /// use gpu_loss::{AdapterFilter, GpuLoss, wgpu};
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
        #[cfg(not(target_arch = "wasm32"))]
        adapter::check_queue(adapter, &device, &queue)?;
        Self::on_device(adapter, device, queue, LastWords::default())
    }

    fn on_device(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
        last_words: LastWords,
    ) -> Result<Self> {
        adapter::check_limits(adapter, &device)?;
        let choice = Choice::of_environment()?;
        let gpu = Self::in_context(Context::new(adapter.get_info(), device, queue, last_words, choice));
        // What is not UTF-8 names no strategy, and is shown as far as it can be.
        if let Some(name) = std::env::var_os("GPU_LOSS_STRATEGY").filter(|name| !name.is_empty()) {
            gpu.set_strategy(Some(name.to_string_lossy().parse()?));
        }
        Ok(gpu)
    }

    fn in_context(context: Context) -> Self {
        GpuLoss {
            self_test: self_test::SelfTest::on(&context),
            context: Arc::new(context),
            forced: AtomicU8::new(0),
            plans: Mutex::new(Vec::new()),
            choices: tuning::Choices::default(),
        }
    }

    /// The same device, taken for one of this profile that is not there (`discrete:32-64`: with subgroups of 32 to 64
    /// invocations): its plans are for [`describe`](Self::describe), which runs nothing, and for the compilers of such
    /// devices.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) for a name that is no profile's.
    pub fn posing_as(&self, profile: &str) -> Result<Self> {
        Ok(Self::in_context(self.context.posing(Choice::named(profile)?)))
    }

    /// The profile that plans go by on this device: `discrete`, `integrated`, `apple`, `no-subgroups`, `cpu` or
    /// `llvmpipe`. `GPU_LOSS_PROFILE` forces one.
    #[must_use]
    pub fn profile(&self) -> &'static str {
        self.context.profile.name
    }

    /// The smallest and the largest subgroup that kernels reckon with; `None` where they use none.
    #[must_use]
    pub fn subgroups(&self) -> Option<(u32, u32)> {
        self.context.subgroups
    }

    /// The features and limits to ask for when a device is made that [`from_device`](Self::from_device) will share.
    /// Less will do: without the feature `SUBGROUP` other kernels serve, and smaller limits mean more dispatches.
    #[must_use]
    pub fn wanted(adapter: &wgpu::Adapter) -> (wgpu::Features, wgpu::Limits) {
        adapter::wanted(adapter)
    }

    /// Alters every kernel's WGSL before it is built: faults for tests. The function takes the kernel's name and source.
    #[doc(hidden)]
    pub fn alter_kernels(&self, alteration: impl Fn(&str, String) -> String + Send + Sync + 'static) {
        self.self_test.stand_alone();
        self.context.injection.alter(Box::new(alteration));
    }

    /// Lets faults strike operations of the device, by what is being done: faults for tests.
    #[doc(hidden)]
    pub fn strike(&self, strikes: impl Fn(&str) -> Option<Fault> + Send + Sync + 'static) {
        self.context.injection.strike(Box::new(strikes));
    }

    /// How many kernels were built and are kept: for tests of what a first call costs.
    #[doc(hidden)]
    #[must_use]
    pub fn kernels(&self) -> usize {
        self.context.kernels.len()
    }

    /// Has plans submit in pieces of so many elements, as large batches are: for tests.
    #[doc(hidden)]
    pub fn cut_submissions(&self, elements: u64) {
        self.context.injection.cut_submissions(elements);
    }

    /// How long a call waits for the device: 2 minutes, unless set.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.context.time_limit()
    }

    /// Sets how long a call waits for the device, in whole milliseconds; past that it is
    /// [`Error::Timeout`](crate::Error::Timeout). In a browser there is no limit but the browser's own.
    pub fn set_time_limit(&self, limit: Duration) {
        self.context.set_time_limit(limit);
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

    /// Forces a strategy for every later plan (`None`: chosen by shape and adapter). `GPU_LOSS_STRATEGY` sets it at
    /// the start.
    pub fn set_strategy(&self, strategy: Option<Strategy>) {
        let code = strategy.and_then(|s| Strategy::ALL.iter().position(|t| *t == s)).map_or(0, |at| at as u8 + 1);
        self.forced.store(code, Ordering::Relaxed);
    }

    fn forced(&self) -> Option<Strategy> {
        let code = usize::from(self.forced.load(Ordering::Relaxed));
        code.checked_sub(1).and_then(|at| Strategy::ALL.get(at).copied())
    }

    /// The strategies that can serve a loss on scores of this shape and type on this adapter, the model's choice for loss and
    /// gradient first: that goes by adapter, loss and shape; types only count for [`Tuning::Measure`].
    #[must_use]
    pub fn strategies(&self, kind: Kind, shape: Shape, _: Dtype) -> Vec<Strategy> {
        serving(&self.context, kind, &shape, false)
    }

    /// Makes a plan for scores and classes on the device.
    ///
    /// # Errors
    /// An option outside its range, a strategy that cannot serve, or a device that lacks what is needed.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan<L: Loss>(&self, loss: &L, shape: Shape, dtype: Dtype) -> Result<Plan> {
        self.plan_with(loss, &Layout::new(shape, dtype))
    }

    /// Makes a plan for any layout.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan_with<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<Plan> {
        pollster::block_on(self.plan_with_async(loss, layout))
    }

    /// Makes the two halves of a training step for scores and classes on the device: a forward plan that writes losses and
    /// row statistics, and a backward plan that makes the gradient from these. See [`PlanPair`].
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan_pair<L: Loss>(&self, loss: &L, shape: Shape, dtype: Dtype) -> Result<PlanPair> {
        self.plan_pair_with(loss, &Layout::new(shape, dtype))
    }

    /// Makes the two halves of a training step for any layout of [`Mode::Whole`](crate::Mode::Whole), of which each plan
    /// takes what is its own: outputs the forward one, what arrives and where the gradient goes the backward one.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); [`Error::Layout`](crate::Error::Layout) for another mode.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn plan_pair_with<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<PlanPair> {
        pollster::block_on(self.plan_pair_with_async(loss, layout))
    }

    /// As [`plan_pair_with`](Self::plan_pair_with), without blocking.
    ///
    /// # Errors
    /// As [`plan_pair_with`](Self::plan_pair_with).
    pub async fn plan_pair_with_async<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<PlanPair> {
        let spec = loss.spec();
        let (forward, backward) = layout.halves(&spec)?;
        let forward = self.proven_plan(&spec, &forward).await?;
        Ok(PlanPair { forward, backward: self.proven_plan(&spec, &backward).await? })
    }

    /// As [`plan_with`](Self::plan_with), without blocking.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn plan_with_async<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<Plan> {
        self.proven_plan(&loss.spec(), layout).await
    }

    /// Any loss with its options (or a [`Spec`]), on a batch of host arrays.
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
    fn forget_plans(&self) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The plan for one-call batches like this one, made or remembered.
    async fn host_plan(&self, spec: &Spec, layout: &Layout) -> Result<Arc<host::HostPlan>> {
        /// Plans that are remembered.
        const KEPT: usize = 32;
        let forced = self.forced();
        let fits = |plan: &Arc<host::HostPlan>| plan.fits(spec, layout, forced);
        {
            let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = plans.iter().position(fits) {
                let plan = plans.remove(at);
                plans.insert(0, Arc::clone(&plan));
                return Ok(plan);
            }
        }
        let plan = Arc::new(host::HostPlan::new(self.proven_plan(spec, layout).await?, forced));
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.insert(0, Arc::clone(&plan));
        plans.truncate(KEPT);
        Ok(plan)
    }
}

/// The one-call methods, a pair for each loss.
macro_rules! one_call {
    ($($plain:ident, $with:ident, $loss:ident, $what:literal;)*) => {
        #[cfg(not(target_arch = "wasm32"))]
        impl GpuLoss {$(
            #[doc = concat!($what, " with the default options of [`", stringify!($loss), "`].")]
            ///
            /// # Errors
            /// As [`run`](Self::run).
            pub fn $plain<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
                self.run(&$loss::default(), batch)
            }

            #[doc = concat!($what, ".")]
            ///
            /// # Errors
            /// As [`run`](Self::run).
            pub fn $with<T: Element, D: Dimension>(
                &self,
                loss: &$loss,
                batch: &Batch<'_, T, D>,
            ) -> Result<Output<T, D>> {
                self.run(loss, batch)
            }
        )*}
    };
}

one_call! {
    softmax_ce, softmax_ce_with, SoftmaxCe, "Softmax cross-entropy";
    sigmoid_ce, sigmoid_ce_with, SigmoidCe, "Sigmoid (binary) cross-entropy";
    softmax_focal, softmax_focal_with, SoftmaxFocal, "Softmax focal loss";
    sigmoid_focal, sigmoid_focal_with, SigmoidFocal, "Sigmoid focal loss";
    ce, ce_with, Ce, "Cross-entropy of given probabilities";
    bce, bce_with, Bce, "Binary cross-entropy of given probabilities";
}
