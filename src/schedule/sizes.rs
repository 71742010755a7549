//! What of a batch's size decides which kernels serve it.

use super::scan::FEW;
use super::{BLOCK, ELEMENT_BLOCK, RESIDENT_ROWS, Scheduler, Strategy, gcd};
use crate::device::Context;
use crate::kernel::Traversal;
use crate::layout::Layout;
use crate::loss::Spec;

/// Scores that are worth wide loads.
const WIDE_LOAD_ELEMENTS: usize = 1 << 18;

/// Terms that a sum without compensation may have: adding one rounds by up to half a step of f32, 2⁻²⁴ of the sum.
pub(crate) const TERMS: u64 = 64;

/// All that kernels go by besides the loss and how its arrays lie. The self-test gives its small batches the sizes of the
/// batch that is to come: it then builds and tests the very kernels that the plan has, and no others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sizes {
    /// Rows enough to build a kernel for their length.
    pub(crate) resident: bool,
    /// Scores enough for wide loads: with these, kernels take longer to build.
    pub(crate) wide_loads: bool,
    /// Rows so long that each has a workgroup to itself.
    pub(super) alone: bool,
    /// Labels so few that the workgroup which ends the scan goes through them.
    pub(crate) few_labels: bool,
    /// Losses so few that one workgroup adds them up.
    pub(super) summed_at_once: bool,
    /// Terms enough for an invocation's sums to need compensation.
    pub(super) long_sums: bool,
    /// Rows so short that a team may take them in one go, as many as it takes one after another.
    pub(super) within_reach: bool,
    /// Rows so long that a team may not even take one in one go.
    pub(super) in_parts: bool,
}

impl Sizes {
    /// Those of a layout's batch.
    pub(crate) fn of(context: &Context, spec: &Spec, layout: &Layout, strategy: Strategy) -> Self {
        Scheduler::new(context, spec, layout, strategy).sizes
    }
}

impl Scheduler<'_> {
    pub(super) fn sizes(&self) -> Sizes {
        let shape = &self.layout.shape;
        let (rows, classes) = (shape.rows() as u64, shape.classes as u64);
        let losses = match self.traversal {
            Traversal::Element => (shape.elements() as u64).div_ceil(ELEMENT_BLOCK),
            _ => rows,
        };
        // Rows whose gradients share vectors are one team's.
        let rows_per_team = if self.layout.writes_grad() { 4 / gcd(self.layout.grad_step(), 4) } else { 1 };
        let column = self.traversal == Traversal::Column;
        // Along a row an invocation adds four vectors up before it adds them to its sum, if they are not given.
        let terms = match (column, self.spec.kind.takes_probabilities()) {
            (true, _) => classes,
            (false, true) => classes / (4 * self.geometry.team_size),
            (false, false) => classes / (16 * self.geometry.team_size),
        };
        Sizes {
            resident: shape.rows() >= RESIDENT_ROWS,
            wide_loads: self.wide && shape.elements() >= WIDE_LOAD_ELEMENTS,
            alone: self.geometry.stands_alone(shape.classes),
            few_labels: rows <= FEW,
            summed_at_once: losses <= BLOCK,
            long_sums: terms > TERMS,
            within_reach: column || self.loop_budget(rows_per_team) >= classes,
            in_parts: !column && self.loop_budget(1) / 256 * 256 < classes,
        }
    }
}
