//! The sum of losses: always the same tree, whatever the chunks.

use super::{BLOCK, Schedule, Scheduler, flag};
use crate::kernel::{ByteRange, KernelSpec, Params, Slot, Traversal};

impl Scheduler<'_> {
    /// Sums level by level, the first one scaled; levels go to and fro between two scratch buffers.
    pub(super) fn sums(&self, schedule: &mut Schedule, count: u64) {
        // A first level of its own in the self-test too, where the plan's batch has one.
        let mut levels: i32 = if self.sizes.summed_at_once { 1 } else { 2 };
        let mut count = count;
        let mut from = if self.traversal == Traversal::Element { Slot::Scratch } else { Slot::Losses };
        // Sums of elements were scaled where they were made.
        let mut scales = self.traversal != Traversal::Element;
        let next = count.div_ceil(BLOCK) * 4;
        schedule.sums = next;
        schedule.summed_at_once = self.sizes.summed_at_once.then_some(count);
        schedule.scratch = schedule.scratch.max(next);
        loop {
            levels -= 1;
            let last = count <= BLOCK && levels <= 0;
            let to = match (last, from) {
                (true, _) => Slot::Loss,
                (false, Slot::Sums) => Slot::Scratch,
                (false, _) => Slot::Sums,
            };
            // A binding's worth at a time, in whole blocks.
            let window = (self.context.binding_limit() / 4 / BLOCK).max(1) * BLOCK;
            let mut first = 0;
            loop {
                let here = window.min(count - first);
                let params =
                    Params { count_of_values: here as u32, first_partial: (first / BLOCK) as u32, ..self.params() };
                let mut dispatch =
                    self.dispatch(KernelSpec::Sum { scanned: self.scans() }, params, here.div_ceil(BLOCK).max(1));
                dispatch.elements = here;
                dispatch.constants = vec![("LAST", flag(last)), ("SCALES", flag(scales))];
                dispatch.elsewhere = vec![(8, from), (13, to)];
                dispatch.ranges.push((from, ByteRange { offset: first * 4, size: (here * 4).max(4) }));
                if last {
                    dispatch.ranges.push((to, ByteRange { offset: 0, size: 4 }));
                }
                schedule.dispatches.push(dispatch);
                first += here;
                if first >= count {
                    break;
                }
            }
            if last {
                return;
            }
            scales = false;
            from = to;
            count = count.div_ceil(BLOCK);
        }
    }
}
