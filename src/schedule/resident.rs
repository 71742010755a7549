//! Which rows stay resident in registers, and by which traversal.

use super::key::VectorAccess;
use super::{Scheduler, Strategy};
use crate::batch::TargetForm;
use crate::kernel::{Pass, ResidentRow, Traversal, weighs_each};

impl Scheduler<'_> {
    /// Whether the weight of each class is held beside the scores of rows that a thread holds several of.
    fn weighs_each(&self) -> bool {
        let lists = self.layout.targets == TargetForm::Lists;
        lists || weighs_each(self.spec.kind, self.layout.targets, self.spec.label_smoothing > 0.0)
    }

    /// Whether threads hold four rows at once, of which each begins on a vector.
    pub(super) fn takes_four_rows(&self, pass: Pass) -> bool {
        let layout = self.layout;
        let tight = layout.shape.classes as u64;
        self.traversal == Traversal::Row
            && self.strategy == Strategy::ThreadRow
            && pass == Pass::Whole
            && !(layout.targets.is_dense() && layout.outputs.correct)
            && layout.shape.classes <= self.geometry.four_rows_classes(layout.dtype, self.weighs_each())
            && self.sizes.resident
            && (layout.scores_step(), layout.grad_step()) == (tight, tight)
    }

    /// The traversal that holds whole rows in registers, where they are short enough; else the one that reads them twice.
    pub(super) fn resident(&self, pass: Pass, on: VectorAccess) -> Traversal {
        let edges = on.peeled;
        let classes = self.layout.shape.classes;
        match self.traversal {
            traversal if pass != Pass::Whole || !self.sizes.resident => traversal,
            Traversal::Column
                if classes <= self.geometry.column_classes(on.positions, self.layout.dtype, self.weighs_each()) =>
            {
                Traversal::ResidentColumn(classes as u32)
            }
            // Masks stand for what lies outside of a row; among given probabilities there are none.
            Traversal::Row if self.spec.kind.is_softmax() => {
                let vectors = (classes / 4).div_ceil(self.geometry.team_size as usize);
                if vectors == 0 || vectors > self.geometry.resident_vectors {
                    return self.traversal;
                }
                // Rows that begin within a vector may have one less in their body.
                let fewest = if edges { classes.saturating_sub(3) } else { classes };
                let whole = self.geometry.whole_turns(fewest, 4);
                Traversal::ResidentRow(ResidentRow { vectors: vectors as u32, whole, edges })
            }
            traversal => traversal,
        }
    }
}
