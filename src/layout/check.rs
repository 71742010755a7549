//! What layouts are refused: those without meaning, and those that no device has room for.

use super::{Layout, Mode, STATISTICS_BYTES, Shard, Upstream};
use crate::batch::{Dtype, TargetForm};
use crate::error::{Error, Result};
use crate::loss::{Reduction, Spec};

/// The most elements from the first to behind the last: byte counts and sums of them stay far from overflow.
const MAX_ELEMENTS: u64 = 1 << 48;

/// The most classes that f32 counts one by one.
const MOST_RANKED: usize = 1 << 24;

/// The most elements of one n that a traversal over single elements counts: with those of a dispatch they stay below 2³².
const MAX_POSITIONS: u64 = 3 << 30;

impl Layout {
    /// Refuses by arithmetic what no buffer of a device holds: (name, bytes) of the largest arrays.
    pub(crate) fn fits(&self, limits: &wgpu::Limits, spec: &Spec) -> Result<()> {
        let (rows, elements) = (self.shape.rows() as u64, self.shape.elements() as u64);
        // Of the last n, what lies behind it need not exist.
        let strided = |step: u64| {
            let behind = step.saturating_sub(self.shape.slab() as u64);
            step.saturating_mul(self.shape.n as u64).saturating_sub(behind).saturating_mul(self.dtype.size() as u64)
        };
        let passes_over_scores = !matches!(self.mode, Mode::Merge { .. });
        let dense = match self.targets {
            TargetForm::MultiHot => elements,
            TargetForm::Probabilities => elements.saturating_mul(4),
            TargetForm::Logits => elements.saturating_mul(self.teacher.size() as u64),
            TargetForm::Classes | TargetForm::Lists => rows.saturating_mul(u64::from(self.integers.words()) * 4),
        };
        let losses = if spec.kind.per_row() { rows } else { elements };
        let weights = spec.class_weights.as_ref().or(spec.pos_weight.as_ref()).map_or(0, Vec::len) as u64;
        let arrays = [
            ("scores", passes_over_scores, strided(self.scores_step())),
            ("the gradient", self.writes_grad(), strided(self.grad_step())),
            ("targets", passes_over_scores || !self.targets.is_dense(), dense),
            ("losses", self.writes_loss() && self.outputs.hands_out_losses(spec), losses.saturating_mul(4)),
            ("element weights", self.element_weights, elements.saturating_mul(4)),
            ("row statistics", self.statistics || self.mode != Mode::Whole, rows.saturating_mul(STATISTICS_BYTES)),
            ("weights of classes", weights > 0, weights.saturating_mul(4)),
        ];
        let most = limits.max_buffer_size;
        match arrays.into_iter().find(|(_, is_there, bytes)| *is_there && *bytes > most) {
            None => Ok(()),
            Some((what, _, needed)) => {
                Err(Error::Limit { limit: "max_buffer_size", got: most, needed, what: format!("{what} in one buffer") })
            }
        }
    }

    /// Refuses what has no meaning, before anything reaches the device.
    pub(crate) fn check(&self, spec: &Spec) -> Result<()> {
        let shape = &self.shape;
        if shape.classes == 0 || shape.inner == 0 {
            return Err(Error::NoClasses { got: vec![shape.n, shape.classes, shape.inner] });
        }
        self.check_sizes(spec)?;
        self.check_strides()?;
        self.check_options(spec)?;
        self.check_more_outputs(spec)?;
        self.check_statistics(spec)
    }

    /// Rows, classes, elements and positions: what is counted has to stay within its type.
    fn check_sizes(&self, spec: &Spec) -> Result<()> {
        let shape = &self.shape;
        let limit = u64::from(u32::MAX) - 64;
        for (what, got) in [("rows", shape.rows() as u64), ("classes", self.all_classes() as u64)] {
            if got > limit {
                let what = what.to_owned();
                return Err(Error::Limit { limit: "32-bit row and class numbers", got: limit, needed: got, what });
            }
        }
        let slab = shape.slab();
        if slab as u64 > MAX_ELEMENTS {
            let (got, needed, what) = (MAX_ELEMENTS, slab as u64, "the elements of one n".to_owned());
            return Err(Error::Limit { limit: "number of elements", got, needed, what });
        }
        if !spec.kind.per_row() && slab as u64 > MAX_POSITIONS {
            let (got, needed, what) = (MAX_POSITIONS, slab as u64, "the elements of one n".to_owned());
            return Err(Error::Limit { limit: "32-bit positions", got, needed, what });
        }
        for (what, step) in [("scores", self.scores_step()), ("gradient elements", self.grad_step())] {
            // Without any n too: windows are reckoned from n to n all the same.
            let needed = step.saturating_mul(shape.n.max(1) as u64);
            if needed > MAX_ELEMENTS {
                let what = what.to_owned();
                return Err(Error::Limit { limit: "number of elements", got: MAX_ELEMENTS, needed, what });
            }
        }
        Ok(())
    }

    /// Strides that overlap, or that differ where the gradient replaces the scores.
    fn check_strides(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Layout { problem });
        let slab = self.shape.slab();
        for (what, stride) in [("scores_stride", self.scores_stride), ("grad_stride", self.grad_stride)] {
            if let Some(stride) = stride.filter(|stride| *stride < slab) {
                return refuse(format!("{what} is {stride}, expected at least the {slab} elements of one n"));
            }
        }
        if self.in_place && self.grad_stride.is_some_and(|stride| stride as u64 != self.scores_step()) {
            return refuse("grad_stride differs from scores_stride, but the gradient replaces the scores".to_owned());
        }
        Ok(())
    }

    /// What goes with a reduction, a form of target or a loss.
    fn check_options(&self, spec: &Spec) -> Result<()> {
        let refuse = |problem: String| Err(Error::Layout { problem });
        if self.upstream == Upstream::PerLoss && spec.reduction != Reduction::None {
            return refuse(format!(
                "one upstream gradient a loss goes with the reduction None, not {:?}",
                spec.reduction
            ));
        }
        if self.denominator && (spec.reduction != Reduction::Mean || spec.denominator.is_some()) {
            return refuse("a denominator buffer goes with the reduction Mean without another denominator".to_owned());
        }
        if self.missing_labels && (self.targets != TargetForm::MultiHot || spec.kind.per_row()) {
            return refuse(format!(
                "missing_labels goes with multi-hot targets of losses of elements, not {} on {}",
                spec.kind.name(),
                self.targets.name()
            ));
        }
        if spec.symmetric {
            return refuse(
                "symmetric is for one call on host arrays: make a plan of rows and, over a copy of the first columns as rows, \
                 another, and add half of each"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Log-probabilities, ranks, entropies and the gradient of the class bias: what each needs.
    fn check_more_outputs(&self, spec: &Spec) -> Result<()> {
        let refuse = |problem: &str| Err(Error::Layout { problem: problem.to_owned() });
        let wanted = self.outputs;
        if self.entropy_upstream && spec.reduction != Reduction::None {
            return refuse("an upstream gradient of entropies goes with the reduction None");
        }
        if matches!(self.mode, Mode::Statistics | Mode::Merge { .. }) && (wanted.log_prob || wanted.rank) {
            return refuse("log-probabilities and ranks cannot be told from the statistics of shards");
        }
        if wanted.rank && self.shape.classes > MOST_RANKED {
            let (got, needed) = (MOST_RANKED as u64, self.shape.classes as u64);
            let what = "ranks among so many classes".to_owned();
            return Err(Error::Limit { limit: "number of classes that f32 counts", got, needed, what });
        }
        if !wanted.grad_class_bias {
            return Ok(());
        }
        if !self.writes_grad() {
            return refuse(
                "the gradient of the class bias is summed from that of the scores, which is not wanted here",
            );
        }
        if self.dtype != Dtype::F32 {
            return refuse(
                "the gradient of the class bias goes with f32 scores: a 16-bit gradient is rounded before it is summed",
            );
        }
        if spec.softcap.is_some() || spec.has_margin() {
            return refuse(
                "the gradient of the class bias cannot be had with a softcap or a margin: the gradient of the scores does not tell it",
            );
        }
        Ok(())
    }

    /// Statistics and shards: which losses and targets they suit.
    fn check_statistics(&self, spec: &Spec) -> Result<()> {
        let refuse = |problem: String| Err(Error::Layout { problem });
        let name = spec.kind.name();
        let partial = matches!(self.mode, Mode::Statistics | Mode::Merge { .. });
        if (partial || self.statistics || self.shard.is_some()) && !spec.kind.per_row() {
            return refuse(format!("{name} is a loss of single elements: it has no row statistics and no shards"));
        }
        if (partial || self.mode == Mode::Gradient || self.statistics || self.shard.is_some())
            && !spec.kind.has_statistics()
            && spec.kind.per_row()
        {
            return refuse(format!(
                "{name} has statistics of two sides, which are not kept: its losses and gradient are one plan over whole rows"
            ));
        }
        if (partial || self.shard.is_some()) && self.targets == TargetForm::MultiHot {
            return refuse("multi-hot targets cannot be sharded: their rows' M is only known over all classes".into());
        }
        if self.mode == (Mode::Merge { shards: 0 }) {
            return refuse("a merge of 0 shards has no rows".to_owned());
        }
        if let Some(Shard { first_class, all_classes }) = self.shard {
            let end = first_class.saturating_add(self.shape.classes);
            if self.mode == Mode::Whole {
                return refuse(
                    "a shard has statistics, and a gradient from merged ones, but no loss of its own".into(),
                );
            }
            if end > all_classes {
                return refuse(format!("classes {first_class}..{end} of a shard lie outside 0..{all_classes}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Shape;
    use crate::loss::Kind;

    /// Sizes at which products and sums overflow, in every place where a caller may write them.
    #[test]
    fn layouts_beyond_all_measure_are_refused_without_overflow() {
        const SIZES: [usize; 7] = [0, 1, 3, 1 << 20, u32::MAX as usize, usize::MAX / 2, usize::MAX];
        let spec = Spec::plain(Kind::SoftmaxCe);
        let mut accepted = 0;
        for [n, classes, inner, other] in SIZES
            .iter()
            .flat_map(|a| SIZES.map(|b| [*a, b]))
            .flat_map(|[a, b]| SIZES.iter().flat_map(move |c| SIZES.map(|d| [a, b, *c, d])))
        {
            let tight = Layout::forward_backward(Shape::spatial(n, classes, inner), Dtype::F32);
            let shard = tight.shard(other, usize::MAX).mode(Mode::Statistics);
            for layout in [tight, tight.strides(other, other), tight.strides(1, other), shard] {
                if layout.check(&spec).is_ok() {
                    accepted += 1;
                    assert!(
                        layout.shape.rows() < u32::MAX as usize && layout.shape.elements() <= 1 << 48,
                        "{layout:?}"
                    );
                    assert!(layout.scores_step().max(layout.grad_step()) * n as u64 <= 1 << 48, "{layout:?}");
                }
            }
        }
        assert!(accepted > 0);
    }
}
