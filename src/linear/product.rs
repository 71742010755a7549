//! A product of matrices: which pieces its kernel is made of, and what it is told.

use bytemuck::{Pod, Zeroable};

use super::tile::{Block, Tile};
use crate::batch::Dtype;
use crate::kernel::pieces::*;
use crate::kernel::{RowOptions, element, softmax_ce};

/// How an operand lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lines {
    /// The depth is innermost: each line is a row of the result (of `a`), or a column (of `b`).
    AlongDepth,
    /// Each line is one step of the depth.
    AcrossDepth,
}

/// What becomes of the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Out {
    /// f32 in lines on vectors, what lies there added if `accumulate`.
    F32 { accumulate: bool },
    /// The same in lines that begin anywhere.
    F32Scalars { accumulate: bool },
    /// The operands' type of 16 bits, in lines on vectors.
    Halves,
    /// The statistics of each row, nothing else.
    Statistics { weighted: bool, options: RowOptions, long_sums: bool },
}

/// The kernel of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProductKernel {
    /// The type of `b`, and of `a` unless that is f32 by itself.
    pub(crate) dtype: Dtype,
    pub(crate) a: Lines,
    /// Whether `a` is f32 whatever the type, in lines on vectors.
    pub(crate) a_is_f32: bool,
    pub(crate) b: Lines,
    /// Whether lines begin on vectors.
    pub(crate) a_vectors: bool,
    pub(crate) b_vectors: bool,
    pub(crate) bias: bool,
    pub(crate) out: Out,
    pub(crate) tile: Tile,
}

/// `Product` of `shaders/gemm/product.wgsl`, field by field.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(crate) struct Product {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) depth: u32,
    pub(crate) a_at: u32,
    pub(crate) a_stride: u32,
    pub(crate) b_at: u32,
    pub(crate) b_stride: u32,
    pub(crate) out_at: u32,
    pub(crate) out_stride: u32,
    pub(crate) rows_first: u32,
    pub(crate) strip: u32,
    pub(crate) first_class: u32,
    pub(crate) first_strip: u32,
    pub(crate) unused: [u32; 3],
}

impl ProductKernel {
    /// The name, for logs and tests.
    pub(crate) fn label(&self) -> String {
        let Tile { step, .. } = self.tile;
        let (rows, columns) = (self.tile.rows(), self.tile.columns());
        let to = match self.out {
            Out::Statistics { .. } => "statistics",
            Out::F32 { accumulate: true } | Out::F32Scalars { accumulate: true } => "accumulate",
            _ => "store",
        };
        format!("product {} {rows}x{columns}x{step} {to}", self.dtype.name())
    }

    /// The kernel, pieces laid end to end.
    pub(crate) fn source(&self) -> String {
        let mut pieces = element(self.dtype);
        pieces.push(GEMM_PRODUCT);
        pieces.push(match (self.a_is_f32, self.a_vectors) {
            (true, _) => GEMM_A_F32,
            (false, true) => GEMM_A_VECTORS,
            (false, false) => GEMM_A_SCALARS,
        });
        pieces.push(match self.b_vectors {
            true => GEMM_B_VECTORS,
            false => GEMM_B_SCALARS,
        });
        pieces.push(match self.a {
            Lines::AlongDepth => GEMM_A_ALONG_DEPTH,
            Lines::AcrossDepth => GEMM_A_ACROSS_DEPTH,
        });
        pieces.push(match self.b {
            Lines::AlongDepth => GEMM_B_ALONG_DEPTH,
            Lines::AcrossDepth => GEMM_B_ACROSS_DEPTH,
        });
        pieces.push(match self.tile.block {
            Block::B4x4 => GEMM_BLOCK_4X4,
            Block::B8x8 => GEMM_BLOCK_8X8,
        });
        pieces.push(match self.tile.unrolled {
            8 => GEMM_STEPS_8,
            _ => GEMM_STEPS_4,
        });
        pieces.push(GEMM_TILES);
        pieces.push(if self.bias { GEMM_BIAS } else { GEMM_NO_BIAS });
        match self.out {
            Out::F32 { .. } => pieces.extend([GEMM_STORE_F32, GEMM_MAIN]),
            Out::F32Scalars { .. } => pieces.extend([GEMM_STORE_F32_SCALARS, GEMM_MAIN]),
            Out::Halves => pieces.extend([GEMM_STORE_HALVES, GEMM_MAIN]),
            Out::Statistics { weighted, options, long_sums } => {
                pieces.push(PARAMS);
                pieces.extend(softmax_ce(options, weighted, long_sums));
                pieces.push(GEMM_STATISTICS);
            }
        }
        pieces.join("\n")
    }

    /// The constants of the tile and of what is done with it.
    pub(crate) fn constants(&self) -> Vec<(&'static str, f64)> {
        let mut constants = self.tile.constants();
        if let Out::F32 { accumulate } | Out::F32Scalars { accumulate } = self.out {
            constants.push(("ACCUMULATE", f64::from(u8::from(accumulate))));
        }
        constants
    }
}

impl Product {
    /// Workgroups in x and y for a tile each; neighbours share the operand that is larger.
    pub(crate) fn groups(&mut self, tile: Tile) -> (u32, u32) {
        let (rows, columns) = (self.rows.div_ceil(tile.rows()), self.columns.div_ceil(tile.columns()));
        self.rows_first = u32::from(rows <= columns);
        if rows <= columns { (rows, columns) } else { (columns, rows) }
    }
}
