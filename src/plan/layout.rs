//! What a plan is made for: shapes, types and places of everything that a batch brings and takes.

use crate::batch::{Dtype, Shape, TargetForm, Want};
use crate::error::{Error, Result};

/// The integer type of labels, list offsets or list indices on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IntegerType {
    /// 32-bit signed.
    I32,
    /// 64-bit signed, two words.
    #[default]
    I64,
    /// 32-bit unsigned.
    U32,
}

impl IntegerType {
    /// 32-bit words of one integer.
    #[must_use]
    pub fn words(self) -> u32 {
        if self == IntegerType::I64 { 2 } else { 1 }
    }
}

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    /// `N`, `C` and `D` of the scores.
    pub shape: Shape,
    /// The type of scores and gradient.
    pub dtype: Dtype,
    /// The form of the targets.
    pub targets: TargetForm,
    /// The type of labels or list offsets.
    pub integers: IntegerType,
    /// The type of list indices.
    pub indices: IntegerType,
    /// Which outputs are wanted.
    pub want: Want,
    /// Whether the gradient replaces the scores.
    pub in_place: bool,
    /// Whether an upstream gradient is given.
    pub upstream: bool,
    /// Whether element weights are given.
    pub element_weights: bool,
}

impl Layout {
    /// Tight scores of this shape and type against `i64` classes, loss and gradient wanted.
    #[must_use]
    pub fn new(shape: Shape, dtype: Dtype) -> Self {
        Layout {
            shape,
            dtype,
            targets: TargetForm::Classes,
            integers: IntegerType::I64,
            indices: IntegerType::I64,
            want: Want::default(),
            in_place: false,
            upstream: false,
            element_weights: false,
        }
    }

    /// Refuses shapes that 32-bit row numbers cannot count.
    pub(crate) fn check(&self) -> Result<()> {
        let limit = u64::from(u32::MAX) - 64;
        for (what, got) in [("rows", self.shape.rows() as u64), ("classes", self.shape.classes as u64)] {
            if got > limit {
                return Err(Error::Limit {
                    limit: "32-bit row and class numbers",
                    got: limit,
                    needed: got,
                    what: what.to_owned(),
                });
            }
        }
        Ok(())
    }
}
