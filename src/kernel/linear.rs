//! What the kernels of a linear layer are made of besides their products: labels, and the maths of a loss.

use super::key::{RowOptions, WideIntegers};
use super::pieces::*;
use super::targets::{targets, weights};
use crate::batch::{Dtype, TargetForm};
use crate::loss::Kind;

/// The pieces that unpack and pack a type.
pub(crate) fn element(dtype: Dtype) -> Pieces {
    match dtype {
        Dtype::F32 => vec![ELEMENT_F32],
        Dtype::F16 => vec![ELEMENT_F16, ELEMENT_HALVES, ELEMENT_UNPACK_F16],
        Dtype::Bf16 => vec![ELEMENT_BF16, ELEMENT_HALVES],
    }
}

/// The pieces that read labels and their classes' weights.
pub(crate) fn labels(weighted: bool) -> Pieces {
    vec![TARGET_INTEGERS, TARGET_LABELS, weights(weighted)]
}

/// Softmax cross-entropy on labels, with these options, and the statistics of rows. What it is told, and how a row's maxima
/// and sums are found, the kernel adds.
pub(crate) fn softmax_ce(options: RowOptions, weighted: bool, long_sums: bool) -> Pieces {
    let mut pieces = vec![MATH, weights(weighted), ROW_TILE, ROW_STATISTICS];
    pieces.push(if long_sums { ROW_SUM_COMPENSATED } else { ROW_SUM_PLAIN });
    pieces.extend(targets(TargetForm::Classes, false, false, WideIntegers::default()));
    pieces.extend(super::maths::of(Kind::SoftmaxCe, options, true));
    pieces
}
