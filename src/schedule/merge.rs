//! Merging the statistics that splits of a row, or shards, left apart.

use super::window::window_row;
use super::{Dispatch, Schedule, Scheduler};
use crate::error::{Error, Result};
use crate::kernel::{ByteRange, Extras, KernelSpec, MergeKernel, Params, Pass, RowOptions, Slot};
use crate::layout::{Mode, STATISTICS_BYTES};

impl Scheduler<'_> {
    /// The records of shards, one after another, merged.
    pub(super) fn merge_shards(&self, schedule: &mut Schedule, shards: u32) -> Result<u64> {
        let rows = self.layout.shape.rows() as u64;
        let needed = u64::from(shards) * rows * STATISTICS_BYTES;
        let limit = self.context.binding_limit();
        if needed > limit {
            return Err(Error::Limit {
                limit: "max_storage_buffer_binding_size",
                got: limit,
                needed,
                what: format!("the statistics of {rows} rows in {shards} shards"),
            });
        }
        let mut dispatch = self.merge(0, rows, u64::from(shards));
        dispatch.params.statistics_row_stride = 1;
        dispatch.params.statistics_split_stride = rows as u32;
        dispatch.elsewhere.extend([(15, Slot::Shards), (16, Slot::Statistics)]);
        dispatch.ranges.push((Slot::Shards, ByteRange { offset: 0, size: needed }));
        schedule.dispatches.push(dispatch);
        Ok(rows)
    }

    pub(super) fn merge(&self, first_row: u64, rows: u64, splits: u64) -> Dispatch {
        const GROUP: u64 = 64;
        let layout = self.layout;
        let keeps = layout.statistics || layout.mode != Mode::Whole || layout.outputs.grad;
        let kernel = KernelSpec::Merge(MergeKernel {
            kind: self.spec.kind.computed_as(),
            targets: layout.targets,
            // What scores were made to be stands in the records.
            options: RowOptions { bias: false, margin: false, ahead: false, ..self.row_options(Pass::Whole) },
            extras: Extras {
                upstream: false,
                element_weights: false,
                entropy_upstream: false,
                statistics: keeps,
                true_parts: self.keeps_true_parts(),
                ..self.extras()
            },
        });
        let params = Params {
            rows: rows as u32,
            first_row: (first_row - window_row(first_row)) as u32,
            window_row: window_row(first_row) as u32,
            splits: splits as u32,
            ..self.params()
        };
        let mut dispatch = self.dispatch(kernel, params, rows.div_ceil(GROUP));
        dispatch.elements = rows * splits;
        dispatch.constants = self.loss_constants(1);
        dispatch.constants.push(("GROUP_SIZE", GROUP as f64));
        dispatch.ranges = self.result_ranges(first_row, rows).into();
        if !layout.targets.is_dense() {
            dispatch.ranges.push((Slot::Targets, self.target_row_range(first_row, rows)));
        }
        if layout.mode == Mode::Whole && !layout.statistics {
            dispatch.elsewhere.push((16, Slot::RowStatistics));
        }
        dispatch
    }
}
