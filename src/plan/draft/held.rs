//! Which rows are held in registers, and by which walk.

use super::Draft;
use crate::plan::Strategy;
use crate::plan::shader::{HeldRow, Pass, Walk};

impl Draft<'_> {
    /// Whether threads hold four rows at once, of which each begins on a quad.
    pub(super) fn tiles(&self, pass: Pass) -> bool {
        let layout = self.layout;
        let tight = layout.shape.classes as u64;
        self.walk == Walk::Row
            && self.strategy == Strategy::ThreadRow
            && pass == Pass::Whole
            && !(layout.targets.is_dense() && layout.want.correct)
            && layout.shape.classes <= self.geometry.held_classes
            && self.sizes.held
            && (layout.scores_step(), layout.grad_step()) == (tight, tight)
    }

    /// The walk that holds whole rows in registers, where they are short enough; else the one that sweeps them twice.
    pub(super) fn held(&self, pass: Pass, edges: bool) -> Walk {
        let classes = self.layout.shape.classes;
        match self.walk {
            walk if pass != Pass::Whole || !self.sizes.held => walk,
            Walk::Column if classes <= self.geometry.held_classes => Walk::HeldColumn(classes as u32),
            // Masks stand for what lies outside of a row; among given probabilities there are none.
            Walk::Row if self.spec.kind.is_softmax() => {
                let quads = (classes / 4).div_ceil(self.geometry.team_size as usize);
                if quads == 0 || quads > self.geometry.held_quads {
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
