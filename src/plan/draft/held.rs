//! Which rows are held in registers, and by which walk.

use super::Draft;
use crate::plan::Strategy;
use crate::plan::shader::{HeldRow, Pass, Walk};
use crate::plan::strategy::{HELD_LONG_ELEMENTS, HELD_ROWS, HELD_SOON};

/// Quads of the longest rows that are held for a loss without its gradient.
const HELD_ALONE: usize = 64;

impl Draft<'_> {
    /// Whether threads hold four rows at once, of which each begins on a quad.
    pub(super) fn tiles(&self, pass: Pass) -> bool {
        let layout = self.layout;
        let tight = layout.shape.classes as u64;
        self.walk == Walk::Row
            && self.strategy == Strategy::ThreadRow
            && pass == Pass::Whole
            && !(layout.targets.is_dense() && layout.want.correct)
            && layout.shape.classes <= self.held_limit(self.geometry.held_classes)
            && self.worth_holding()
            && (layout.scores_step(), layout.grad_step()) == (tight, tight)
    }

    /// Whether there are rows enough to build a kernel for their length.
    fn worth_holding(&self) -> bool {
        self.layout.shape.rows() >= HELD_ROWS
    }

    /// How many of at most `most` classes or quads are held, each of which has code of its own: few where that is long, or
    /// where few scores would have to make up for building it.
    fn held_limit(&self, most: usize) -> usize {
        let (spec, want) = (self.spec, self.layout.want);
        let long = want.argmax || want.correct || spec.softcap.is_some() || spec.label_smoothing > 0.0;
        if long || self.layout.shape.elements() < HELD_LONG_ELEMENTS { most.min(HELD_SOON) } else { most }
    }

    /// The walk that holds whole rows in registers, where they are short enough; else the one that sweeps them twice.
    pub(super) fn held(&self, pass: Pass, edges: bool) -> Walk {
        let classes = self.layout.shape.classes;
        match self.walk {
            walk if pass != Pass::Whole || !self.worth_holding() => walk,
            Walk::Column if classes <= self.held_limit(self.geometry.held_classes) => Walk::HeldColumn(classes as u32),
            // Masks stand for what lies outside of a row; among given probabilities there are none.
            Walk::Row if self.spec.kind.is_softmax() => {
                let quads = (classes / 4).div_ceil(self.geometry.team_size as usize);
                // A loss alone takes one sweep, which long rows are better off with.
                let most = if self.layout.writes_grad() { usize::MAX } else { HELD_ALONE };
                if quads == 0 || quads > self.held_limit(self.geometry.held_quads.min(most)) {
                    return self.walk;
                }
                // Rows that begin within a quad may have one less in their body.
                let fewest = if edges { classes.saturating_sub(3) / 4 } else { classes / 4 };
                let whole = if self.geometry.exact { fewest / self.geometry.team_size as usize } else { 0 };
                Walk::HeldRow(HeldRow { quads: quads as u32, whole: whole as u32, edges })
            }
            walk => walk,
        }
    }
}
