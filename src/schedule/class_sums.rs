//! The gradient with respect to the class bias: that on the scores, summed over the rows.

use super::window::Window;
use super::{Dispatch, Schedule, Scheduler, by_rows};
use crate::error::{Error, Result};
use crate::kernel::{ByteRange, KernelSpec, Params, Slot};

const GROUP: u64 = 64;
/// The fewest rows that one invocation adds up.
const LEAST_ROWS: u64 = 256;

impl Scheduler<'_> {
    /// Schedules the sums over the gradient, once it is written.
    pub(super) fn class_sums(&self, schedule: &mut Schedule) -> Result<()> {
        let layout = self.layout;
        let shape = &layout.shape;
        let (classes, inner) = (shape.classes as u64, shape.inner as u64);
        // As many rows in a block as there are blocks, at least: loops stay short on software adapters.
        let block = LEAST_ROWS.max((shape.rows() as u64).isqrt() + 1);
        let limit = self.context.binding_limit();
        let mut blocks = 0;
        for chunk in by_rows(shape, layout.grad_step(), layout.dtype.size() as u64, limit, u64::MAX)? {
            let rows = chunk.count * inner;
            let here = rows.div_ceil(block);
            schedule.dispatches.push(self.class_sum(&chunk, block, blocks));
            // The slices of a cut row's classes lie side by side in the same blocks.
            if chunk.first_class + chunk.classes == classes {
                blocks += here;
            }
        }
        let bytes = blocks * classes * 4;
        if bytes > limit {
            return Err(Error::Limit {
                limit: "max_storage_buffer_binding_size",
                got: limit,
                needed: bytes,
                what: format!("the sums of {blocks} blocks of rows in {classes} classes"),
            });
        }
        schedule.class_sums = bytes;
        let params = Params { count_of_values: blocks as u32, ..self.params() };
        let mut dispatch = self.dispatch(KernelSpec::ClassSumsFinish, params, classes.div_ceil(GROUP));
        dispatch.constants = vec![("GROUP_SIZE", GROUP as f64)];
        dispatch.elements = blocks * classes;
        dispatch.elsewhere.push((13, Slot::ClassSums));
        dispatch.ranges.push((Slot::GradClassBias, ByteRange { offset: 0, size: classes * 4 }));
        schedule.dispatches.push(dispatch);
        Ok(())
    }

    fn class_sum(&self, chunk: &super::Chunk, block: u64, first_block: u64) -> Dispatch {
        let layout = self.layout;
        let shape = &layout.shape;
        let inner = shape.inner as u64;
        let step = layout.grad_step();
        let first = chunk.first_n * step + chunk.first_class * inner;
        let all = (shape.n as u64 - 1) * step + shape.slab() as u64;
        let elements = (chunk.count - 1) * step + chunk.classes * inner;
        let grad = Window::new(first, elements, all, layout.dtype.size() as u64);
        let rows = chunk.count * inner;
        let params = Params {
            rows: rows as u32,
            classes: chunk.classes as u32,
            // Of the classes at hand.
            first_class: chunk.first_class as u32,
            all_classes: shape.classes as u32,
            grad_at: grad.at as u32,
            grad_stride: step as u32,
            count_of_values: block as u32,
            first_partial: first_block as u32,
            ..self.params()
        };
        let invocations = rows.div_ceil(block) * chunk.classes;
        let mut dispatch = self.dispatch(KernelSpec::ClassSums, params, invocations.div_ceil(GROUP));
        dispatch.constants = vec![("GROUP_SIZE", GROUP as f64)];
        dispatch.elements = rows * chunk.classes;
        let from = if layout.in_place { Slot::Scores } else { Slot::Grad };
        dispatch.elsewhere = vec![(3, from), (13, Slot::ClassSums)];
        dispatch.ranges.push((from, grad.range));
        dispatch
    }
}
