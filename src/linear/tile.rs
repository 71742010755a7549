//! How a product is cut into tiles.

use crate::device::{Context, widest_group};

/// The block of the result that one invocation makes, rows by columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Block {
    B4x4,
    B8x8,
}

impl Block {
    /// Rows and columns alike.
    pub(crate) fn side(self) -> u32 {
        match self {
            Block::B4x4 => 4,
            Block::B8x8 => 8,
        }
    }
}

/// How a workgroup's tile is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tile {
    pub(crate) block: Block,
    /// Invocations next to each other, and below each other.
    pub(crate) across: u32,
    pub(crate) down: u32,
    /// Steps of the depth between two barriers, a multiple of 8.
    pub(crate) step: u32,
    /// Steps of the depth to a turn of the loop over them: 8 or 4.
    pub(crate) unrolled: u32,
}

impl Tile {
    /// The tile for products that are stored: 64 × 64, by 64 invocations of 8 × 8 each, so that an invocation reads 16 numbers
    /// from workgroup memory for 64 multiplications. Where lines lie off the vectors and are loaded one by one, a profile may
    /// ask for smaller blocks.
    pub(crate) fn stored(context: &Context, on_vectors: bool) -> Self {
        let products = context.profile.products;
        let block = if on_vectors || products.wide_scalars { Block::B8x8 } else { Block::B4x4 };
        Tile { block, across: 8, down: 8, step: 16, unrolled: products.unrolled }
    }

    /// The tile for products of which statistics are kept: blocks of 4 × 4, for what is kept of a row takes registers too. (By
    /// AMD's compiler of Mesa 22.3.6, gfx1100, with every option: 120 registers, none spilled; blocks of 4 × 8 spill 5.)
    pub(crate) fn statistics(context: &Context) -> Self {
        let products = context.profile.products;
        let side = if widest_group(&context.limits) < 256 { 8 } else { products.statistics };
        Tile { block: Block::B4x4, across: side, down: side, step: 16, unrolled: products.unrolled }
    }

    pub(crate) fn threads(self) -> u32 {
        self.across * self.down
    }

    pub(crate) fn rows(self) -> u32 {
        self.down * self.block.side()
    }

    pub(crate) fn columns(self) -> u32 {
        self.across * self.block.side()
    }

    /// Vectors from one line in workgroup memory to the next: one more than a line has, so that blocks that are turned are
    /// not all written to the same banks.
    fn line(length: u32) -> u32 {
        length / 4 + 1
    }

    /// The constants of its kernels.
    pub(crate) fn constants(self) -> Vec<(&'static str, f64)> {
        let (a, b) = (Self::line(self.rows()), Self::line(self.columns()));
        let blocks = |length: u32| length / 4 * (self.step / 4);
        debug_assert!(blocks(self.rows()).max(blocks(self.columns())) <= self.threads(), "{self:?}");
        // Statistics pass through the same memory, a vector an invocation.
        let vectors = |line: u32| (self.step * line).max(self.threads());
        [
            ("THREADS", self.threads()),
            ("THREADS_X", self.across),
            ("THREADS_Y", self.down),
            ("TILE_ROWS", self.rows()),
            ("TILE_COLUMNS", self.columns()),
            ("STEP", self.step),
            ("A_LINE", a),
            ("B_LINE", b),
            ("A_VECTORS", vectors(a)),
            ("B_VECTORS", vectors(b)),
            ("A_BLOCKS", blocks(self.rows())),
            ("B_BLOCKS", blocks(self.columns())),
        ]
        .map(|(name, value)| (name, f64::from(value)))
        .to_vec()
    }

    /// Turns of loops that an invocation takes over a depth.
    pub(crate) fn turns(self, depth: u64) -> u64 {
        depth.div_ceil(u64::from(self.step)) * u64::from(1 + self.step / self.unrolled)
    }
}
