//! Kernels tested on the user's own driver: before a strategy is first used for a loss, it computes a small batch whose
//! result is known, edge cases in it. One that computes wrongly is refused, and the next one serves.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::host::HostPlan;
use super::known_answers::KnownAnswers;
use super::test_key::TestKey;
use super::{GpuLoss, Options};
use crate::batch::{Dtype, Element, TargetForm, bf16, f16};
use crate::device::profile::Profile;
use crate::device::{Context, Wait};
use crate::error::{Error, Result};
use crate::layout::{Layout, Mode};
use crate::loss::{Kind, Loss, Spec};
use crate::plan::{Plan, build, build_suiting};
use crate::reference::{self, Difference};
use crate::schedule::{Strategy, serving};

/// A strategy that the self-test refused: its kernels compute wrongly on this driver.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// The strategy.
    pub strategy: Strategy,
    /// The loss that it was refused for.
    pub kind: Kind,
    /// The form of the targets.
    pub targets: TargetForm,
    /// The type of the scores.
    pub dtype: Dtype,
    /// How far the result was from the reference.
    pub difference: Difference,
}

/// What was tested on a driver, and what came of it.
#[derive(Debug, Default)]
struct Record {
    proven: Mutex<HashSet<TestKey>>,
    refused: Mutex<Vec<(TestKey, Refusal)>>,
}

/// What decides whether kernels come out the same: all that is known of the driver, and what the device may use of it.
#[derive(Debug, PartialEq)]
struct Driver {
    info: wgpu::AdapterInfo,
    features: wgpu::Features,
    limits: wgpu::Limits,
    profile: Profile,
    subgroups: Option<(u32, u32)>,
}

/// The records of this process: what was tested once need not be again on a new device.
static RECORDS: Mutex<Vec<(Driver, Arc<Record>)>> = Mutex::new(Vec::new());

/// A device's self-test.
#[derive(Debug)]
pub(super) struct SelfTest {
    record: Mutex<Arc<Record>>,
}

impl SelfTest {
    /// With what was recorded on this driver.
    pub(super) fn on(context: &Context) -> Self {
        let driver = Driver {
            info: context.info.clone(),
            features: context.device.features(),
            limits: context.limits.clone(),
            profile: context.profile,
            subgroups: context.subgroups,
        };
        let mut records = RECORDS.lock().unwrap_or_else(PoisonError::into_inner);
        let record = match records.iter().find(|(other, _)| *other == driver) {
            Some((_, record)) => Arc::clone(record),
            None => {
                let record = Arc::<Record>::default();
                records.push((driver, Arc::clone(&record)));
                record
            }
        };
        SelfTest { record: Mutex::new(record) }
    }

    #[cfg(feature = "fault-injection")]
    /// Begins a record of this device alone: its kernels are not what other devices run.
    pub(super) fn stand_alone(&self) {
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Record {
    /// What came of a test, if there was one: nothing to say against it, or a refusal.
    fn of(&self, key: &TestKey) -> Option<Option<Refusal>> {
        if self.proven.lock().unwrap_or_else(PoisonError::into_inner).contains(key) {
            return Some(None);
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.iter().find(|(other, _)| other == key).map(|(_, refusal)| Some(refusal.clone()))
    }
}

impl GpuLoss {
    /// A handle on the same device whose plans are made with or without the self-test of kernels: see
    /// [`Builder::self_test`](super::Builder::self_test).
    #[must_use]
    pub fn with_self_test(&self, on: bool) -> Self {
        GpuLoss { options: Options { self_test: on, ..self.options }, ..self.clone() }
    }

    /// The strategies that the self-test refused so far on this driver.
    #[must_use]
    pub fn refused(&self) -> Vec<Refusal> {
        let record = self.self_test.record();
        let refused = record.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.iter().map(|(_, refusal)| refusal.clone()).collect()
    }

    /// How many kinds of work passed the self-test so far on this driver.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.self_test.record().proven.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Runs the self-test now, for every strategy that can serve a loss on a layout, whether it is switched on or off;
    /// returns those that were refused. What was tested before in this process is not tested again.
    ///
    /// ```no_run
    /// use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
    /// let gpu = GpuLoss::new()?;
    /// let layout = Layout::forward_backward(Shape::new(4096, 1000), Dtype::F32);
    /// for refusal in gpu.self_test(&SoftmaxCe::default(), &layout)? {
    ///     println!("{} computes wrongly here: {:?}", refusal.strategy, refusal.difference);
    /// }
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn self_test<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<Vec<Refusal>> {
        pollster::block_on(self.self_test_async(loss, layout))
    }

    /// As [`self_test`](Self::self_test), without blocking.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn self_test_async<L: Loss>(&self, loss: &L, layout: &Layout) -> Result<Vec<Refusal>> {
        let spec = loss.spec();
        layout.check(&spec)?;
        spec.check(layout.all_classes())?;
        let mut refused = Vec::new();
        for strategy in serving(&self.context, spec.kind, &layout.shape, layout.reads_once()) {
            refused.extend(self.trial(&spec, layout, strategy).await?);
        }
        // Where one strategy stands for all, it is named once.
        refused.dedup();
        Ok(refused)
    }

    /// Makes a plan whose kernels passed the self-test: with the forced or the default strategy, or the next that does.
    pub(super) async fn proven_plan(&self, spec: &Spec, layout: &Layout) -> Result<Plan> {
        let forced = self.options.strategy;
        let plan = build(&self.context, spec, layout, forced).await?;
        let plan = if forced.is_none() { self.tuned(spec, layout, plan).await? } else { plan };
        if !self.options.self_test || layout.shape.rows() == 0 {
            return Ok(plan);
        }
        let Some(mut refusal) = self.trial(spec, layout, plan.strategy()).await? else { return Ok(plan) };
        let others = match forced {
            Some(_) => Vec::new(),
            None => serving(&self.context, spec.kind, &layout.shape, layout.reads_once()),
        };
        for strategy in others.into_iter().filter(|strategy| *strategy != plan.strategy()) {
            match self.trial(spec, layout, strategy).await? {
                None => return build(&self.context, spec, layout, Some(strategy)).await,
                Some(another) => refusal = another,
            }
        }
        Err(Error::Miscompiled {
            loss: refusal.kind.name(),
            strategy: refusal.strategy.name().to_owned(),
            adapter: self.context.info.name.clone(),
            error_ratio: refusal.difference.worst(),
        })
    }

    /// Tests a strategy, unless its like was tested before.
    pub(super) async fn trial(&self, spec: &Spec, layout: &Layout, strategy: Strategy) -> Result<Option<Refusal>> {
        // The other modes are made of what a split row goes through.
        let serve = serving(&self.context, spec.kind, &layout.shape, layout.reads_once());
        let split = layout.mode != Mode::Whole && serve.contains(&Strategy::SplitRow);
        let strategy = if split { Strategy::SplitRow } else { strategy };
        let key = TestKey::new(&self.context, spec, layout, strategy);
        let record = self.self_test.record();
        if let Some(known) = record.of(&key) {
            return Ok(known);
        }
        let difference = match layout.dtype {
            Dtype::F32 => self.known_answers::<f32>(&key, |v| v).await?,
            Dtype::F16 => self.known_answers::<f16>(&key, f16::from_f32).await?,
            Dtype::Bf16 => self.known_answers::<bf16>(&key, bf16::from_f32).await?,
        };
        if difference.kept() {
            record.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
            return Ok(None);
        }
        let TestKey { kind, targets, dtype, strategy, .. } = key;
        log::warn!(
            "{} refused on {}: {} on {}, {}, comes to {:.0} times what is promised ({difference:?})",
            strategy.name(),
            self.context.info.name,
            kind.name(),
            targets.name(),
            dtype.name(),
            difference.worst(),
        );
        let refusal = Refusal { strategy, kind, targets, dtype, difference };
        record.refused.lock().unwrap_or_else(PoisonError::into_inner).push((key, refusal.clone()));
        Ok(Some(refusal))
    }

    /// The worst of two batches: one of ordinary rows, whose losses have a sum, and one with a row of NaN.
    async fn known_answers<T: Element>(&self, key: &TestKey, rounded: impl Fn(f32) -> T) -> Result<Difference> {
        // With values of its own: no caller's value may decide over kernels, let alone over what comes after it.
        let spec = key.flags.example(key.dims[1], if key.integers.0.holds(-100) { -100 } else { 255 });
        let mut worst = Difference::default();
        for nan in [false, true] {
            if nan && spec.kind.takes_probabilities() {
                continue;
            }
            let answers = KnownAnswers::new(&spec, key, nan, &rounded);
            let batch = answers.batch(&spec, key);
            let expected = reference::run(&spec, &batch)?;
            let (host, layout) = self.prepared(&spec, &batch)?;
            let layout = key.arrays_at(layout);
            let host = host.with_gaps(&layout);
            let plan = build_suiting(Some(key.sizes), &self.context, &spec, &layout, Some(key.strategy)).await?;
            let plan = HostPlan::device_only(plan, self.options);
            let difference = match self.run_on(&plan, &spec, &batch, &host, Wait::Elsewhere).await {
                Ok(output) => reference::compare(&output, &expected),
                // There is no such thing in the batch: it is the kernel that is wrong.
                Err(Error::ClassOutOfRange { .. } | Error::ClassList { .. } | Error::ProbabilityOutOfRange { .. }) => {
                    Difference { loss: f64::INFINITY, ..Difference::default() }
                }
                Err(error) => return Err(error),
            };
            if !difference.kept() {
                return Ok(difference);
            }
            worst = difference;
        }
        Ok(worst)
    }
}
