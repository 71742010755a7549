//! *How* a loss is computed, for one shape on one device: kernels chosen and built, rows cut into chunks, scratch
//! reserved. All that can fail or be slow happens when a plan is made.

mod build;
mod chunk;
mod encode;
mod layout;
mod params;
pub(crate) mod shader;
#[cfg(test)]
mod shader_tests;
mod status;
mod strategy;

use std::sync::Arc;

pub use encode::{Buffers, Slice};
pub use layout::{IntegerType, Layout};
pub use strategy::Strategy;

pub(crate) use build::build;
pub(crate) use status::Status;
pub(crate) use strategy::serving;

use crate::gpu::{Context, Kernel};
use crate::loss::Spec;

/// A loss made ready for scores of one shape and type on one device.
///
/// Plans are reusable and may be encoded from several threads; nothing is compiled or allocated on the way but the
/// bind groups that name the caller's buffers.
#[derive(Debug)]
pub struct Plan {
    pub(crate) context: Arc<Context>,
    pub(crate) spec: Spec,
    pub(crate) layout: Layout,
    strategy: Strategy,
    steps: Vec<Step>,
    params: wgpu::Buffer,
    scalars: wgpu::Buffer,
    status: wgpu::Buffer,
    class_weights: Option<wgpu::Buffer>,
    losses: wgpu::Buffer,
    scratch: wgpu::Buffer,
    sums: wgpu::Buffer,
}

/// One dispatch.
#[derive(Debug)]
struct Step {
    kernel: Arc<Kernel>,
    label: String,
    bindings: Vec<(u32, Place, Span)>,
    groups: (u32, u32),
}

/// What a binding is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Params,
    Scalars,
    Status,
    ClassWeights,
    Scratch,
    Sums,
    Losses,
    Loss,
    Scores,
    Grad,
    Targets,
    Indices,
    Upstream,
    ElementWeights,
    Lse,
    Argmax,
}

/// A part of a buffer, in bytes; `size` 0 is all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    offset: u64,
    size: u64,
}

impl Plan {
    /// Who walks a row.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// The loss that is computed.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What the plan was made for.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn status_buffer(&self) -> &wgpu::Buffer {
        &self.status
    }
}
