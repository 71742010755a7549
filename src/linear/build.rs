//! Making a linear plan: kernels built, scratch reserved.

use std::sync::{Arc, Mutex};

use super::chunk::Chunks;
use super::evaluate::Strips;
use super::kernel::LinearKernels;
use super::layout::LinearLayout;
use super::plan::{LinearPlan, reserve};
use super::slabs::Slabs;
use super::slot::Slot;
use super::steps::Steps;
use crate::batch::{Dtype, Outputs, Shape};
use crate::device::Context;
use crate::error::{Error, Result};
use crate::layout::{IntegerType, Layout, Mode, STATISTICS_BYTES, Upstream};
use crate::loss::{Reduction, Spec};
#[cfg(any(test, feature = "export"))]
use crate::plan::describe::ListedDispatch;
use crate::plan::{Plan, STATUS_BYTES};

/// What a linear plan is to be made of, checked.
pub(crate) struct Request<'a> {
    pub(crate) context: &'a Arc<Context>,
    pub(crate) kernels: &'a LinearKernels,
    pub(crate) spec: Spec,
    pub(crate) layout: LinearLayout,
    pub(crate) memory: u64,
}

/// How the rows or the vocabulary are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    Chunks(Chunks),
    Strips(Strips),
}

impl Request<'_> {
    /// Refuses what has no meaning, or what no binding of the device holds.
    pub(crate) fn check(&self) -> Result<Cut> {
        let (layout, spec) = (&self.layout, &self.spec);
        layout.check(spec)?;
        spec.check(layout.vocabulary)?;
        // Chunks bind their own part of the hidden states; an evaluation binds all.
        let (wide, needed) = (self.context.binding_limit(), layout.hidden_bytes());
        if layout.is_evaluation() && needed > wide {
            let what = "the hidden states in one binding".to_owned();
            return Err(Error::Limit { limit: "max_storage_buffer_binding_size", got: wide, needed, what });
        }
        let steps = self.steps()?;
        Ok(match layout.is_evaluation() {
            true => Cut::Strips(steps.strips(self.memory)?),
            false => Cut::Chunks(Chunks::new(self.context, layout, self.memory)?),
        })
    }

    fn steps(&self) -> Result<Steps<'_>> {
        Ok(Steps {
            context: self.context,
            kernels: self.kernels,
            spec: &self.spec,
            layout: &self.layout,
            slabs: Slabs::new(self.context, &self.layout)?,
            tasks: Vec::new(),
            steps: Vec::new(),
            #[cfg(any(test, feature = "export"))]
            listed: None,
        })
    }

    /// The loss on the logits of a chunk: of labels as chunks have them, over a denominator of the whole batch.
    pub(crate) fn chunk_spec(&self) -> Spec {
        let mut spec = self.spec.clone();
        spec.ignore_index = Some(-1);
        spec.denominator = None;
        if spec.reduction == Reduction::BatchMean {
            spec.reduction = Reduction::Mean;
        }
        spec
    }

    /// How so many rows of logits lie, and what is wanted of them.
    pub(crate) fn chunk_layout(&self, rows: usize) -> Layout {
        let layout = &self.layout;
        let outputs = Outputs {
            grad: true,
            losses: true,
            lse: layout.lse,
            argmax: layout.argmax || layout.correct,
            ..Outputs::default()
        };
        let stride = layout.logits_stride() as usize;
        Layout {
            integers: IntegerType::I32,
            outputs,
            in_place: true,
            upstream: layout.upstream,
            denominator: self.chunk_spec().reduction == Reduction::Mean,
            ..Layout::forward_backward(Shape::new(rows, layout.vocabulary), Dtype::F32)
        }
        .strides(stride, stride)
    }

    /// The merge of an evaluation's row statistics.
    pub(crate) fn merge_layout(&self, strips: Strips) -> Layout {
        let layout = &self.layout;
        let outputs = Outputs {
            grad: false,
            losses: true,
            lse: layout.lse,
            argmax: layout.argmax,
            correct: layout.correct,
            ..Outputs::default()
        };
        Layout {
            integers: layout.integers,
            outputs,
            denominator: layout.denominator,
            ..Layout::forward_backward(Shape::new(layout.rows, layout.vocabulary), Dtype::F32)
        }
        .mode(Mode::Merge { shards: strips.count })
    }

    /// The kernels of its own that the plan would dispatch, in order; nothing is built.
    #[cfg(any(test, feature = "export"))]
    pub(crate) async fn list(&self, cut: Cut) -> Result<Vec<ListedDispatch>> {
        let mut steps = self.steps()?;
        steps.listed = Some(Vec::new());
        match cut {
            Cut::Chunks(chunks) => steps.train(chunks).await?,
            Cut::Strips(strips) => steps.evaluate(strips).await?,
        }
        Ok(steps.listed.unwrap_or_default())
    }

    /// Makes the plan around the plans of the loss.
    pub(crate) async fn build(&self, cut: Cut, losses: Vec<Plan>) -> Result<LinearPlan> {
        let mut steps = self.steps()?;
        let lines_apart = steps.hidden_lines_apart();
        let chunk_rows = match cut {
            Cut::Chunks(chunks) => {
                steps.train(chunks).await?;
                chunks.rows
            }
            Cut::Strips(strips) => {
                steps.evaluate(strips).await?;
                0
            }
        };
        let (steps, tasks) = (steps.steps, steps.tasks);
        let mut sizes = match cut {
            Cut::Chunks(chunks) => self.chunk_sizes(chunks.rows, lines_apart),
            Cut::Strips(strips) => self.strip_sizes(strips),
        };
        sizes.extend([(Slot::Tasks, tasks.len() as u64), (Slot::Nothing, 16), (Slot::Status, STATUS_BYTES)]);
        if let Some(weights) = &self.spec.class_weights {
            sizes.push((Slot::ClassWeights, weights.len() as u64 * 4));
        }
        let own = reserve(self.context, &sizes, &tasks, self.spec.class_weights.as_deref()).await?;
        Ok(LinearPlan {
            context: Arc::clone(self.context),
            spec: self.spec.clone(),
            layout: self.layout,
            chunk_rows,
            steps,
            losses,
            own,
            bound: Mutex::default(),
        })
    }

    fn chunk_sizes(&self, chunk: u64, lines_apart: bool) -> Vec<(Slot, u64)> {
        let layout = &self.layout;
        let all = layout.rows as u64 * 4;
        let mut sizes = vec![
            (Slot::Logits, chunk * layout.logits_stride() * 4),
            (Slot::Labels, all),
            (Slot::Losses, all),
            (Slot::Divisor, 4),
            (Slot::ChunkLabels, chunk * 4),
            (Slot::ChunkLosses, chunk * 4),
        ];
        if layout.upstream == Upstream::PerLoss {
            sizes.push((Slot::ChunkUpstream, chunk * 4));
        }
        if layout.lse {
            sizes.push((Slot::ChunkLse, chunk * 4));
        }
        if layout.argmax || layout.correct {
            sizes.push((Slot::ChunkArgmax, chunk * 4));
        }
        if layout.correct && !layout.argmax {
            sizes.push((Slot::Argmax, all));
        }
        if lines_apart {
            sizes.push((Slot::HiddenLines, chunk * (layout.hidden as u64).next_multiple_of(4) * 4));
        }
        sizes
    }

    fn strip_sizes(&self, strips: Strips) -> Vec<(Slot, u64)> {
        let rows = self.layout.rows as u64;
        vec![
            (Slot::Records, u64::from(strips.count) * rows * STATISTICS_BYTES),
            (Slot::Merged, rows * STATISTICS_BYTES),
            (Slot::TrueScores, rows * 4),
        ]
    }
}
