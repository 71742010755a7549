//! Which strategy serves where none is forced: the one that the model names, or the one that was fastest here.

mod class;
#[cfg(not(target_arch = "wasm32"))]
mod file;
#[cfg(not(target_arch = "wasm32"))]
mod measure;
#[cfg(not(target_arch = "wasm32"))]
mod scratch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{GpuLoss, Options};
use crate::error::Result;
use crate::layout::{Layout, Mode};
use crate::loss::Spec;
use crate::plan::{Plan, build};
use crate::schedule::{Strategy, serving};

/// How a plan's strategy is chosen where none is forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Tuning {
    /// By a model of adapters and shapes: at once, and the same on every run.
    #[default]
    Model,
    /// By the clock: the first plan of each class times the strategies that can serve, on random scores, within some
    /// 300 ms and 200 MiB besides what building their kernels takes; the fastest is remembered.
    ///
    /// A class is a loss with the options that are switched on, and a layout whose N counts to the next power of two.
    /// Batches too large for that, plans of other modes than [`Mode::Whole`], and browsers, where no clock is at hand,
    /// keep the model's choice; so do plans whose measuring fails, which is logged.
    ///
    /// Another strategy sums in another order: within what is promised, but two runs that measured may differ in last
    /// bits. [`GpuLoss::save_tuning`] and [`GpuLoss::load_tuning`] make them the same.
    Measure,
}

/// What a tuning file held, as seen from one adapter.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TuningFile {
    /// How many choices were made on this adapter, by this driver and this version of the crate.
    pub choices: usize,
    /// Whose choices were left alone: version, backend, adapter and driver of each.
    pub others: Vec<String>,
}

/// The choices of one device.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// By class.
    known: Mutex<BTreeMap<String, Strategy>>,
    measured: AtomicU64,
}

impl Choices {
    fn known(&self, class: &str) -> Option<Strategy> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(class).copied()
    }
}

impl GpuLoss {
    /// A handle on the same device whose plans' strategies are chosen in this way where none is set.
    ///
    /// ```no_run
    /// use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe, builder::Tuning};
    /// let gpu = GpuLoss::builder().tuning(Tuning::Measure).open()?;
    /// gpu.load_tuning("tuning.txt")?; // what earlier runs measured; nothing if there is no such file
    /// let layout = Layout::forward_backward(Shape::new(4096, 1000), Dtype::F32);
    /// println!("{} is fastest here", gpu.plan(&SoftmaxCe::default(), &layout)?.strategy());
    /// gpu.save_tuning("tuning.txt")?;
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    #[must_use]
    pub fn with_tuning(&self, tuning: Tuning) -> Self {
        GpuLoss { options: Options { tuning, ..self.options }, ..self.clone() }
    }

    /// How strategies are chosen.
    #[must_use]
    pub fn tuning(&self) -> Tuning {
        self.options.tuning
    }

    /// How many classes of plans were measured so far.
    #[must_use]
    pub fn measured(&self) -> u64 {
        self.choices.measured.load(Ordering::Relaxed)
    }

    /// The plan with the strategy that is fastest, in place of the model's.
    pub(super) async fn tuned(&self, spec: &Spec, layout: &Layout, plan: Plan) -> Result<Plan> {
        let candidates = serving(&self.context, spec.kind, &layout.shape, layout.reads_once());
        let choice = self.tuning() == Tuning::Measure && layout.mode == Mode::Whole && candidates.len() > 1;
        if !choice || layout.shape.rows() == 0 {
            return Ok(plan);
        }
        let class = class::of(spec, layout);
        let known = self.choices.known(&class).filter(|strategy| candidates.contains(strategy));
        let fastest = match known {
            Some(strategy) => strategy,
            None => match self.measure(spec, layout, &candidates).await? {
                Some(strategy) => {
                    let mut known = self.choices.known.lock().unwrap_or_else(PoisonError::into_inner);
                    known.insert(class, strategy);
                    strategy
                }
                None => return Ok(plan),
            },
        };
        if fastest == plan.strategy() { Ok(plan) } else { build(&self.context, spec, layout, Some(fastest)).await }
    }

    /// The fastest strategy by the clock, if that can be had.
    #[cfg(not(target_arch = "wasm32"))]
    async fn measure(&self, spec: &Spec, layout: &Layout, candidates: &[Strategy]) -> Result<Option<Strategy>> {
        match measure::fastest(&self.context, spec, layout, candidates).await {
            Ok(fastest) => {
                self.choices.measured.fetch_add(u64::from(fastest.is_some()), Ordering::Relaxed);
                Ok(fastest)
            }
            Err(error @ crate::Error::DeviceLost { .. }) => Err(error),
            Err(error) => {
                log::warn!("strategies were not measured on {}: {error}", self.context.info.name);
                Ok(None)
            }
        }
    }

    #[cfg(target_arch = "wasm32")]
    async fn measure(&self, _: &Spec, _: &Layout, _: &[Strategy]) -> Result<Option<Strategy>> {
        Ok(None)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl GpuLoss {
    /// Takes over the choices that a file holds for this adapter, driver and version of the crate; plans use them under
    /// [`Tuning::Measure`]. Choices that were measured or loaded before stay. Those of others are left alone, and named
    /// in what is returned. A file that does not exist holds nothing.
    ///
    /// # Errors
    /// [`Error::TuningFile`](crate::Error::TuningFile) if it cannot be read or is damaged; nothing is then taken over.
    pub fn load_tuning(&self, path: impl AsRef<std::path::Path>) -> Result<TuningFile> {
        let mut sections = file::read(path.as_ref())?;
        let own = sections.remove(&file::heading(&self.context.info)).unwrap_or_default();
        let found = TuningFile { choices: own.len(), others: sections.into_keys().collect() };
        let mut known = self.choices.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (class, strategy) in own {
            known.entry(class).or_insert(strategy);
        }
        drop(known);
        self.forget_plans();
        Ok(found)
    }

    /// Adds this adapter's choices to a file: text, one line a choice. What the file held for others stays.
    ///
    /// The file is replaced whole or not at all. Of two processes that save at once, the last one's choices are sure to
    /// be there; the other's may have to be measured again.
    ///
    /// # Errors
    /// [`Error::TuningFile`](crate::Error::TuningFile) if it cannot be written, or holds something else already: it is
    /// then left as it was.
    pub fn save_tuning(&self, path: impl AsRef<std::path::Path>) -> Result<()> {
        let mut sections = file::read(path.as_ref())?;
        let own = sections.entry(file::heading(&self.context.info)).or_default();
        own.extend(self.choices.known.lock().unwrap_or_else(PoisonError::into_inner).clone());
        file::write(path.as_ref(), &sections)
    }
}
