//! What decides which kernels run: the self-test tests those of a plan on a small batch with the same key.

use crate::batch::{Dtype, Outputs, TargetForm};
use crate::device::Context;
use crate::layout::{IntegerType, Layout, Mode, Upstream};
use crate::loss::{Flags, Kind, Spec};
use crate::schedule::{Geometry, RESIDENT_ROWS, Sizes, Strategy};

/// Elements of the largest wide load.
const WIDEST_LOAD: usize = 16;
/// Elements of a line of a processor's cache, in the smallest type.
const LINE: usize = 32;

/// What decides which kernels run; what is proven for one holds for its like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TestKey {
    pub(super) kind: Kind,
    pub(super) targets: TargetForm,
    pub(super) dtype: Dtype,
    /// The type of a teacher's scores.
    pub(super) teacher: Dtype,
    pub(super) strategy: Strategy,
    pub(super) outputs: Outputs,
    /// Options that are switched on, whatever their values.
    pub(super) flags: Flags,
    /// Whether a gradient arrives at each loss.
    pub(super) upstream: bool,
    /// Whether a gradient arrives at each entropy.
    pub(super) entropy_upstream: bool,
    /// Whether each element has a weight.
    pub(super) element_weights: bool,
    /// Whether some labels are not known.
    pub(super) missing_labels: bool,
    pub(super) integers: (IntegerType, IntegerType),
    pub(super) dims: Vec<usize>,
    /// From one `n` to the next, of scores and gradient.
    pub(super) strides: (usize, usize),
    pub(super) in_place: bool,
    /// Of the batch whose kernels are these.
    pub(super) sizes: Sizes,
}

impl TestKey {
    pub(super) fn new(context: &Context, spec: &Spec, layout: &Layout, strategy: Strategy) -> Self {
        // So many rows that they stay resident where the plan's do, some behind the last tile where the plan has such; classes on
        // vectors, wide loads and lines where the plan's are, and whole wide loads or halves of them where the plan's batch has.
        let shape = &layout.shape;
        let sizes = Sizes::of(context, spec, layout, strategy);
        let classes = Geometry::new(context, strategy).tested_classes(shape.classes);
        let rows = if sizes.resident { RESIDENT_ROWS } else { 9 };
        let (inner, classes) = match shape.inner {
            1 => (1, classes),
            inner if inner > 8 => (8 + inner % 4, classes.min(64 + classes % WIDEST_LOAD)),
            inner => (inner, classes.min(64 + classes % WIDEST_LOAD)),
        };
        let slab = classes * inner;
        let least = rows.div_ceil(inner);
        let whole =
            |elements: usize| [WIDEST_LOAD, WIDEST_LOAD / 2].iter().position(|load| elements.is_multiple_of(*load));
        let in_tiles = |n: usize| n.is_multiple_of(4);
        let like = |n: &usize| {
            (!sizes.wide_loads || whole(n * slab) == whole(shape.elements()))
                && (inner > 1 || !sizes.resident || in_tiles(*n) == in_tiles(shape.n))
        };
        let n = (least..least + 4 * WIDEST_LOAD).find(like).unwrap_or(least);
        let dims = if shape.inner == 1 { vec![n, classes] } else { vec![n, classes, inner] };
        // Apart where the plan's rows are, and as far past a wide load.
        let stride = |step: u64| {
            let least = slab + 4;
            let like = least + (step as usize % LINE + LINE - least % LINE) % LINE;
            if step == shape.slab() as u64 { slab } else { like }
        };
        TestKey {
            strides: (stride(layout.scores_step()), stride(layout.grad_step())),
            in_place: layout.in_place,
            sizes,
            kind: spec.kind,
            targets: layout.targets,
            dtype: layout.dtype,
            teacher: layout.teacher,
            strategy,
            outputs: Outputs { grad: layout.mode == Mode::Gradient || layout.outputs.grad, ..layout.outputs },
            flags: spec.flags(),
            upstream: layout.upstream == Upstream::PerLoss,
            entropy_upstream: layout.entropy_upstream,
            element_weights: layout.element_weights,
            missing_labels: layout.missing_labels,
            integers: (layout.integers, layout.indices),
            dims,
        }
    }

    /// A layout of the test's batch that lies in memory as the plan's does.
    pub(super) fn arrays_at(&self, layout: Layout) -> Layout {
        let (scores, grad) = self.strides;
        Layout { in_place: self.in_place, ..layout.strides(scores, grad) }
    }
}
