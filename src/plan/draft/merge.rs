//! Merging the statistics that parts of a row, or shards, left apart.

use super::window::window_row;
use super::{Dispatch, Draft, Drafted};
use crate::error::{Error, Result};
use crate::plan::layout::{Mode, STATISTICS_BYTES};
use crate::plan::params::Params;
use crate::plan::shader::{Extras, MergeRecipe, Recipe};
use crate::plan::{Place, Span};

impl Draft<'_> {
    /// The records of shards, one after another, merged.
    pub(super) fn merge_shards(&self, drafted: &mut Drafted, shards: u32) -> Result<u64> {
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
        dispatch.params.record_row = 1;
        dispatch.params.record_part = rows as u32;
        dispatch.elsewhere.extend([(15, Place::Shards), (16, Place::Statistics)]);
        dispatch.spans.push((Place::Shards, Span { offset: 0, size: needed }));
        drafted.dispatches.push(dispatch);
        Ok(rows)
    }

    pub(super) fn merge(&self, first_row: u64, rows: u64, parts: u64) -> Dispatch {
        const GROUP: u64 = 64;
        let layout = self.layout;
        let keeps = layout.statistics || layout.mode != Mode::Whole || layout.want.grad;
        let recipe = Recipe::Merge(MergeRecipe {
            kind: self.spec.kind,
            targets: layout.targets,
            extras: Extras { upstream: false, element_weights: false, statistics: keeps, ..self.extras() },
        });
        let params = Params {
            rows: rows as u32,
            first_row: (first_row - window_row(first_row)) as u32,
            window_row: window_row(first_row) as u32,
            parts: parts as u32,
            ..self.params()
        };
        let mut dispatch = self.dispatch(recipe, params, rows.div_ceil(GROUP));
        dispatch.elements = rows * parts;
        dispatch.constants = self.walk_constants(1);
        dispatch.constants.push(("GROUP_SIZE", GROUP as f64));
        let row_span = |bytes: u64| self.row_span(first_row, rows, bytes);
        dispatch.spans = vec![
            (Place::Losses, row_span(4)),
            (Place::Lse, row_span(4)),
            (Place::Argmax, row_span(4)),
            (Place::Statistics, row_span(STATISTICS_BYTES)),
            (Place::Records, row_span(STATISTICS_BYTES)),
        ];
        if !layout.targets.is_dense() {
            dispatch.spans.push((Place::Targets, self.target_row_span(first_row, rows)));
        }
        if layout.mode == Mode::Whole && !layout.statistics {
            dispatch.elsewhere.push((16, Place::Records));
        }
        dispatch
    }
}
