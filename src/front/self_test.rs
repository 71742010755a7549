//! Kernels tested on the user's own driver: before a strategy is first used for a loss, it computes a small batch whose
//! result is known, edge cases in it. One that computes wrongly is refused, and the next one serves.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayD, IxDyn};

use super::GpuLoss;
use super::host::HostPlan;
use crate::batch::{Batch, Dtype, Element, Labels, TargetForm, Targets, Want};
use crate::error::{Error, Result};
use crate::gpu::Wait;
use crate::loss::{Kind, Reduction, Spec};
use crate::plan::{IntegerType, Layout, Mode, Plan, Strategy, Upstream, build, serving};
use crate::reference::{self, Difference};
use crate::{bf16, f16};

/// A strategy that the self-test refused: its kernels compute wrongly on this driver.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The strategy.
    pub strategy: Strategy,
    /// The loss,
    pub kind: Kind,
    /// on this form of target,
    pub targets: TargetForm,
    /// and this type of scores.
    pub dtype: Dtype,
    /// How far the result was from the reference.
    pub difference: Difference,
}

/// What decides which kernels run; what is proven for one holds for its like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sort {
    kind: Kind,
    targets: TargetForm,
    dtype: Dtype,
    strategy: Strategy,
    want: Want,
    /// Options that are switched on, one bit each.
    options: u32,
    integers: (IntegerType, IntegerType),
    dims: Vec<usize>,
}

/// What was tested on a device, and what came of it.
#[derive(Debug)]
pub(super) struct SelfTest {
    on: AtomicBool,
    proven: Mutex<HashSet<Sort>>,
    refused: Mutex<Vec<(Sort, Refusal)>>,
}

impl SelfTest {
    /// Switched off by `GPU_LOSS_SELF_TEST=0`.
    pub(super) fn from_env() -> Self {
        let off = std::env::var("GPU_LOSS_SELF_TEST").is_ok_and(|v| v == "0");
        SelfTest { on: AtomicBool::new(!off), proven: Mutex::default(), refused: Mutex::default() }
    }
}

impl GpuLoss {
    /// Switches the self-test of kernels on (as it is unless `GPU_LOSS_SELF_TEST=0`) or off. It runs once for each loss,
    /// form of target, type, strategy and set of options, when the first plan is made that needs it.
    pub fn set_self_test(&self, on: bool) {
        self.self_test.on.store(on, Ordering::Relaxed);
    }

    /// The strategies that the self-test refused so far.
    #[must_use]
    pub fn refused(&self) -> Vec<Refusal> {
        let refused = self.self_test.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.iter().map(|(_, refusal)| refusal.clone()).collect()
    }

    /// Makes a plan whose kernels passed the self-test: with the forced or the default strategy, or the next that does.
    pub(super) async fn proven_plan(&self, spec: &Spec, layout: &Layout) -> Result<Plan> {
        let forced = self.forced();
        let plan = build(&self.context, spec, layout, forced).await?;
        if !self.self_test.on.load(Ordering::Relaxed) || layout.shape.rows() == 0 {
            return Ok(plan);
        }
        let Some(mut refusal) = self.trial(spec, layout, plan.strategy()).await? else { return Ok(plan) };
        let others = match forced {
            Some(_) => Vec::new(),
            None => serving(&self.context, spec.kind, &layout.shape, layout.dtype),
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
            share: refusal.difference.worst(),
        })
    }

    /// Tests a strategy, unless its like was tested before.
    async fn trial(&self, spec: &Spec, layout: &Layout, strategy: Strategy) -> Result<Option<Refusal>> {
        // The other modes are made of what a split row goes through.
        let serve = serving(&self.context, spec.kind, &layout.shape, layout.dtype);
        let split = layout.mode != Mode::Whole && serve.contains(&Strategy::SplitRow);
        let strategy = if split { Strategy::SplitRow } else { strategy };
        let sort = Sort::new(spec, layout, strategy);
        if self.self_test.proven.lock().unwrap_or_else(PoisonError::into_inner).contains(&sort) {
            return Ok(None);
        }
        {
            let refused = self.self_test.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, refusal)) = refused.iter().find(|(other, _)| *other == sort) {
                return Ok(Some(refusal.clone()));
            }
        }
        let difference = match layout.dtype {
            Dtype::F32 => self.known_answers::<f32>(spec, &sort, |v| v).await?,
            Dtype::F16 => self.known_answers::<f16>(spec, &sort, f16::from_f32).await?,
            Dtype::Bf16 => self.known_answers::<bf16>(spec, &sort, bf16::from_f32).await?,
        };
        if difference.kept() {
            self.self_test.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(sort);
            return Ok(None);
        }
        let Sort { kind, targets, dtype, strategy, .. } = sort;
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
        self.self_test.refused.lock().unwrap_or_else(PoisonError::into_inner).push((sort, refusal.clone()));
        Ok(Some(refusal))
    }

    /// The worst of two batches: one of ordinary rows, whose losses have a sum, and one with a row of NaN.
    async fn known_answers<T: Element>(
        &self,
        spec: &Spec,
        sort: &Sort,
        rounded: impl Fn(f32) -> T,
    ) -> Result<Difference> {
        let mut spec = spec.clone();
        let classes = sort.dims[1];
        for weights in [&mut spec.class_weights, &mut spec.pos_weight].into_iter().flatten() {
            weights.truncate(classes);
        }
        let mut worst = Difference::default();
        for nan in [false, true] {
            if nan && spec.kind.takes_probabilities() {
                continue;
            }
            let answers = Answers::new(&spec, sort, nan, &rounded);
            let batch = answers.batch(&spec, sort);
            let expected = reference::run(&spec, &batch)?;
            let (host, layout) = self.prepared(&spec, &batch)?;
            let plan = build(&self.context, &spec, &layout, Some(sort.strategy)).await?;
            let plan = HostPlan::new(plan, Some(sort.strategy));
            let output = self.run_on(&plan, &spec, &batch, &host, Wait::Elsewhere).await?;
            let difference = reference::compare(&output, &expected);
            if !difference.kept() {
                return Ok(difference);
            }
            worst = difference;
        }
        Ok(worst)
    }
}

impl Sort {
    fn new(spec: &Spec, layout: &Layout, strategy: Strategy) -> Self {
        let on = [
            spec.reduction == Reduction::None,
            spec.ignore_index.is_some(),
            spec.label_smoothing > 0.0,
            spec.class_weights.is_some() || spec.pos_weight.is_some(),
            spec.z_loss > 0.0,
            spec.logit_scale != 1.0,
            spec.softcap.is_some(),
            spec.alpha.is_some(),
            layout.upstream == Upstream::PerLoss,
            layout.element_weights,
        ];
        // Rows for two tiles and one more; classes enough for parts of a row, on quads where the plan's are.
        let (classes, inner) = (layout.shape.classes, layout.shape.inner);
        let classes = if classes > 1024 { 1024 + classes % 4 } else { classes };
        let dims = if inner == 1 {
            vec![9, classes]
        } else {
            vec![2, classes.min(64 + classes % 4), if inner > 8 { 8 + inner % 4 } else { inner }]
        };
        Sort {
            kind: spec.kind,
            targets: layout.targets,
            dtype: layout.dtype,
            strategy,
            want: Want { grad: layout.mode == Mode::Gradient || layout.want.grad, ..layout.want },
            options: on.iter().enumerate().map(|(bit, on)| u32::from(*on) << bit).sum(),
            integers: (layout.integers, layout.indices),
            dims,
        }
    }
}

/// A batch that is made up, always the same for the same sort.
struct Answers<T> {
    scores: ArrayD<T>,
    targets: Made,
    upstream: ArrayD<f32>,
    element_weights: ArrayD<f32>,
}

enum Made {
    Classes(Box<dyn Labels>),
    Lists(Box<dyn Labels>, Box<dyn Labels>),
    MultiHot(ArrayD<u8>),
    Probabilities(ArrayD<f32>),
}

impl<T: Element> Answers<T> {
    fn new(spec: &Spec, sort: &Sort, nan: bool, rounded: &impl Fn(f32) -> T) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut unit = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        let dims = &sort.dims;
        let (classes, inner) = (dims[1], dims[2..].iter().product::<usize>());
        let row_dims: Vec<usize> = dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).collect();
        let rows = dims[0] * inner;
        let truth: Vec<usize> = (0..rows).map(|row| (row * 7 + 3) % classes).collect();
        let row_of =
            |element: usize| (element / (classes * inner) * inner + element % inner, element / inner % classes);
        let score = |element: usize, unit: f32| {
            let (row, class) = row_of(element);
            match (spec.kind.takes_probabilities(), row % 9) {
                (true, _) => unit,
                // A confident row, one of masks, one of large scores, one with a NaN.
                (false, 1) if class == truth[row] => 24.0,
                (false, 2) if class % 3 == 1 && class != truth[row] => f32::NEG_INFINITY,
                (false, 3) if sort.dtype == Dtype::F32 => 1e4 + 4.0 * unit,
                (false, 4) if nan && class == classes / 2 => f32::NAN,
                _ => 8.0 * unit - 4.0,
            }
        };
        let elements = rows * classes;
        let shaped = |dims: &[usize], values: Vec<f32>| ArrayD::from_shape_vec(IxDyn(dims), values).unwrap_or_default();
        let scores: Vec<T> = (0..elements).map(|element| rounded(score(element, unit()))).collect();
        let targets = match sort.targets {
            TargetForm::Classes => {
                let labels = truth.iter().enumerate().map(|(row, class)| match spec.ignore_index {
                    Some(ignored) if row % 9 == 5 => ignored,
                    _ => *class as i64,
                });
                Made::Classes(integers(labels, &row_dims, sort.integers.0))
            }
            TargetForm::Lists => {
                let lists: Vec<Vec<i64>> = (0..rows)
                    .map(|row| {
                        (0..classes as i64).filter(|class| (class * 5 + row as i64) % 4 == 0).take(row % 6).collect()
                    })
                    .collect();
                let offsets = (0..=rows).map(|row| lists[..row].iter().map(Vec::len).sum::<usize>() as i64);
                let indices: Vec<i64> = lists.concat();
                let count = indices.len();
                Made::Lists(
                    integers(offsets, &[rows + 1], sort.integers.0),
                    integers(indices.into_iter(), &[count], sort.integers.1),
                )
            }
            TargetForm::MultiHot => {
                let bytes = (0..elements).map(|element| u8::from((row_of(element).1 + row_of(element).0) % 5 == 0));
                Made::MultiHot(ArrayD::from_shape_vec(IxDyn(dims), bytes.collect()).unwrap_or_default())
            }
            TargetForm::Probabilities => {
                let scale = if spec.kind.per_row() { 2.0 / classes as f32 } else { 1.0 };
                Made::Probabilities(shaped(dims, (0..elements).map(|_| scale * unit()).collect()))
            }
        };
        let loss_dims = if spec.kind.per_row() { row_dims } else { dims.clone() };
        let losses = loss_dims.iter().product::<usize>();
        Answers {
            scores: ArrayD::from_shape_vec(IxDyn(dims), scores).unwrap_or_default(),
            targets,
            upstream: shaped(&loss_dims, (0..losses).map(|_| unit() - 0.5).collect()),
            element_weights: shaped(dims, (0..elements).map(|_| 2.0 * unit()).collect()),
        }
    }

    fn batch(&self, spec: &Spec, sort: &Sort) -> Batch<'_, T, IxDyn> {
        let targets = match &self.targets {
            Made::Classes(labels) => Targets::Classes(&**labels),
            Made::Lists(offsets, indices) => Targets::Lists { offsets: &**offsets, indices: &**indices },
            Made::MultiHot(bytes) => Targets::MultiHot(bytes.view()),
            Made::Probabilities(values) => Targets::Probabilities(values.view()),
        };
        let mut batch = Batch::new(self.scores.view(), targets);
        batch.want = sort.want;
        // The last two bits of a sort's options.
        if spec.reduction == Reduction::None && sort.options >> 8 & 1 == 1 {
            batch.upstream = Some(self.upstream.view());
        }
        if sort.options >> 9 & 1 == 1 {
            batch.element_weights = Some(self.element_weights.view());
        }
        batch
    }
}

/// Integers of one type, in a shape.
fn integers(values: impl Iterator<Item = i64>, dims: &[usize], of: IntegerType) -> Box<dyn Labels> {
    fn boxed<I: crate::Integer + Default + 'static>(values: Vec<I>, dims: &[usize]) -> Box<dyn Labels> {
        Box::new(ArrayD::from_shape_vec(IxDyn(dims), values).unwrap_or_default())
    }
    match of {
        IntegerType::I32 => boxed(values.map(|v| v as i32).collect(), dims),
        IntegerType::I64 => boxed(values.collect::<Vec<i64>>(), dims),
        IntegerType::U32 => boxed(values.map(|v| v as u32).collect(), dims),
    }
}
