//! The vocabulary in slabs whose weights, and their gradient, fit one binding.

use super::layout::LinearLayout;
use crate::device::Context;
use crate::error::{Error, Result};

/// Classes of a slab come to a multiple of this, so that every part of weights and bias begins where a binding may.
const WHOLE: u64 = 256;

/// Slabs of the same size but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slabs {
    classes: u64,
    all: u64,
}

impl Slabs {
    /// As few as the device's bindings allow.
    pub(crate) fn new(context: &Context, layout: &LinearLayout) -> Result<Self> {
        let (all, limit) = (layout.vocabulary as u64, context.binding_limit());
        // The gradient of the weights is f32 whatever their type.
        let line = layout.hidden as u64 * if layout.grad_weight { 4 } else { layout.dtype.size() as u64 };
        if (all * line).next_multiple_of(16) <= limit {
            return Ok(Slabs { classes: all, all });
        }
        let classes = limit / line / WHOLE * WHOLE;
        if classes == 0 {
            let (limit_name, needed) = ("max_storage_buffer_binding_size", line * WHOLE);
            let what = format!("the weights of {WHOLE} classes in one binding");
            return Err(Error::Limit { limit: limit_name, got: limit, needed, what });
        }
        Ok(Slabs { classes, all })
    }

    /// How many there are.
    pub(crate) fn count(self) -> u64 {
        self.all.div_ceil(self.classes)
    }

    /// First class and number of classes of each.
    pub(crate) fn iter(self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.all).step_by(self.classes as usize).map(move |first| (first, self.classes.min(self.all - first)))
    }
}
