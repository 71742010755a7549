//! Losses without logits: a product of which only row statistics are kept, and their merge.

use super::product::{Out, Product};
use super::slot::{Part, Slot};
use super::steps::{Step, Steps};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::kernel::RowOptions;
use crate::layout::STATISTICS_BYTES;
use crate::schedule::TERMS;

const ALL: Part = Part { offset: 0, size: 0 };

/// How the vocabulary is cut: tiles that a workgroup takes one after another, and how many such strips there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strips {
    pub(crate) tiles: u32,
    pub(crate) count: u32,
}

impl Steps<'_> {
    /// Strips enough to fill the device, each of which leaves 32 bytes a row within the budget; a slab has strips of its own.
    pub(crate) fn strips(&self, memory: u64) -> Result<Strips> {
        const GROUPS: u64 = 4096;
        let tile = Tile::statistics(self.context);
        let (rows, width) = (self.layout.rows as u64, u64::from(tile.columns()));
        let tiles = (self.layout.vocabulary as u64).div_ceil(width);
        let room = memory.min(self.context.binding_limit()) / (rows * STATISTICS_BYTES);
        let row_tiles = rows.div_ceil(u64::from(tile.rows()));
        let wanted = GROUPS.div_ceil(row_tiles).clamp(16, 256).min(room.max(1)).min(tiles);
        let strip = tiles.div_ceil(wanted);
        let count: u64 = self.slabs.iter().map(|(_, classes)| classes.div_ceil(width).div_ceil(strip)).sum();
        let needed = count * rows * STATISTICS_BYTES;
        if needed > self.context.binding_limit() {
            let (limit, got) = ("max_storage_buffer_binding_size", self.context.binding_limit());
            return Err(Error::Limit { limit, got, needed, what: format!("the statistics of {rows} rows") });
        }
        Ok(Strips { tiles: strip as u32, count: count as u32 })
    }

    /// All steps of an evaluation.
    pub(crate) async fn evaluate(&mut self, strips: Strips) -> Result<()> {
        let layout = self.layout;
        let tile = Tile::statistics(self.context);
        let out = Out::Statistics {
            weighted: self.spec.class_weights.is_some(),
            options: RowOptions::of(self.spec, layout.argmax || layout.correct),
            // Of each tile an invocation sees one block's columns of a row.
            long_sums: u64::from(strips.tiles * tile.block.side()) > TERMS,
        };
        let kernel = self.logits_kernel(out, tile);
        let mut first_strip = 0;
        for (class, classes) in self.slabs.iter() {
            let product = Product {
                rows: layout.rows as u32,
                columns: classes as u32,
                depth: layout.hidden as u32,
                a_stride: layout.hidden as u32,
                b_stride: layout.hidden as u32,
                strip: strips.tiles,
                first_class: class as u32,
                first_strip,
                ..Product::default()
            };
            let (weight, bias) = self.slab(class, classes);
            let bindings = [
                (4, Slot::Targets, ALL),
                (6, Slot::ClassWeights, ALL),
                (15, Slot::Records, ALL),
                (21, Slot::Hidden, ALL),
                (22, Slot::Weight, weight),
                (24, Slot::Bias, bias),
                (25, Slot::TrueScores, ALL),
            ];
            self.product(kernel, product, &bindings).await?;
            first_strip += (classes as u32).div_ceil(tile.columns()).div_ceil(strips.tiles);
        }
        self.steps.push(Step::Merge);
        if layout.log_probs {
            self.log_probs().await?;
        }
        Ok(())
    }
}
