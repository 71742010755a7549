//! The caller's buffers, and where a plan's bindings lie in them.

use super::{Place, Plan, Span};
use crate::error::{Error, Result};

/// A part of a buffer that begins at a byte offset.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The buffer.
    pub buffer: &'a wgpu::Buffer,
    /// Where the part begins, a multiple of the device's `min_storage_buffer_offset_alignment`.
    pub offset: u64,
    /// How many bytes; to the end of the buffer if absent.
    pub size: Option<u64>,
}

impl<'a> Slice<'a> {
    /// `size` bytes from `offset` on.
    #[must_use]
    pub fn new(buffer: &'a wgpu::Buffer, offset: u64, size: u64) -> Self {
        Slice { buffer, offset, size: Some(size) }
    }
}

impl<'a> From<&'a wgpu::Buffer> for Slice<'a> {
    fn from(buffer: &'a wgpu::Buffer) -> Self {
        Slice { buffer, offset: 0, size: None }
    }
}

/// The caller's buffers, all with the usage `STORAGE`. Which of them a plan needs follows from its
/// [`Layout`](super::Layout); one that it does not need may be given.
///
/// Scores, gradient, dense targets, element weights and losses of elements are bound in whole 16 bytes: each needs room
/// for its size rounded up to 16. Several may be ranges of one `wgpu::Buffer`.
#[derive(Debug, Clone, Copy)]
pub struct Buffers<'a> {
    /// The scores (or probabilities), `[N, C, d…]`. Written only where the gradient replaces them.
    pub scores: Slice<'a>,
    /// Labels, list offsets, multi-hot bytes or probabilities.
    pub targets: Slice<'a>,
    /// The indices of class lists; its size is theirs, to the byte.
    pub target_indices: Option<Slice<'a>>,
    /// One f32 an element.
    pub element_weights: Option<Slice<'a>>,
    /// One f32 an unreduced loss, or one in all.
    pub upstream: Option<Slice<'a>>,
    /// The mean's denominator, one f32.
    pub denominator: Option<Slice<'a>>,
    /// The statistics of shards, one after another, to be merged.
    pub shards: Option<Slice<'a>>,
    /// The gradient, written; not where it replaces the scores.
    pub grad: Option<Slice<'a>>,
    /// The reduced loss, one f32, written.
    pub loss: Option<Slice<'a>>,
    /// The losses before reduction, f32, written.
    pub losses: Option<Slice<'a>>,
    /// Log-sum-exps, f32, written.
    pub lse: Option<Slice<'a>>,
    /// Highest classes, u32, written.
    pub argmax: Option<Slice<'a>>,
    /// Row statistics, [`STATISTICS_BYTES`](super::STATISTICS_BYTES) a row: written forward, read backward.
    pub statistics: Option<Slice<'a>>,
    /// Counts of what went wrong, [`STATUS_BYTES`](super::STATUS_BYTES) that begin as zeros; the plan's own if absent.
    pub status: Option<Slice<'a>>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: impl Into<Slice<'a>>) -> Self {
            self.$name = Some($name.into());
            self
        }
    )*};
}

impl<'a> Buffers<'a> {
    /// The inputs that every plan has.
    pub fn new(scores: impl Into<Slice<'a>>, targets: impl Into<Slice<'a>>) -> Self {
        Buffers {
            scores: scores.into(),
            targets: targets.into(),
            target_indices: None,
            element_weights: None,
            upstream: None,
            denominator: None,
            shards: None,
            grad: None,
            loss: None,
            losses: None,
            lse: None,
            argmax: None,
            statistics: None,
            status: None,
        }
    }

    setters! {
        /// Sets the indices of class lists.
        target_indices;
        /// Sets the element weights.
        element_weights;
        /// Sets the gradient that arrives.
        upstream;
        /// Sets the mean's denominator.
        denominator;
        /// Sets the statistics of shards.
        shards;
        /// Sets where the gradient goes.
        grad;
        /// Sets where the reduced loss goes.
        loss;
        /// Sets where the losses before reduction go.
        losses;
        /// Sets where the log-sum-exps go.
        lse;
        /// Sets where the highest classes go.
        argmax;
        /// Sets where the row statistics go, or come from.
        statistics;
        /// Sets where problems are counted.
        status;
    }

    /// All of them, in one order.
    pub(super) fn all(&self) -> [Option<Slice<'a>>; 14] {
        [
            Some(self.scores),
            Some(self.targets),
            self.target_indices,
            self.element_weights,
            self.upstream,
            self.denominator,
            self.shards,
            self.grad,
            self.loss,
            self.losses,
            self.lse,
            self.argmax,
            self.statistics,
            self.status,
        ]
    }
}

impl Plan {
    /// Where a binding lies among the plan's buffers and the caller's.
    pub(super) fn resolve<'a>(
        &'a self,
        place: Place,
        span: Span,
        buffers: &Buffers<'a>,
    ) -> Result<wgpu::BufferBinding<'a>> {
        let own = |buffer: &'a wgpu::Buffer| {
            Ok(wgpu::BufferBinding { buffer, offset: span.offset, size: wgpu::BufferSize::new(span.size) })
        };
        let (what, given) = match place {
            Place::Params => return own(&self.own.params),
            Place::Scalars => return own(&self.own.scalars),
            Place::ClassWeights => return own(self.own.class_weights.as_ref().unwrap_or(&self.own.scratch)),
            Place::Scratch => return own(&self.own.scratch),
            Place::Sums => return own(&self.own.sums),
            Place::Parts => return own(&self.own.parts),
            Place::Records => return own(&self.own.records),
            Place::Status if buffers.status.is_none() => return own(&self.own.status),
            Place::Losses if buffers.losses.is_none() && self.spec.kind.per_row() => return own(&self.own.losses),
            Place::Status => ("status", buffers.status),
            Place::Losses => ("losses", buffers.losses),
            Place::Loss => ("loss", buffers.loss),
            Place::Scores => ("scores", Some(buffers.scores)),
            Place::Grad => ("grad", buffers.grad),
            Place::Targets => ("targets", Some(buffers.targets)),
            Place::Indices => ("target_indices", buffers.target_indices),
            Place::Upstream => ("upstream", buffers.upstream),
            Place::ElementWeights => ("element_weights", buffers.element_weights),
            Place::Lse => ("lse", buffers.lse),
            Place::Argmax => ("argmax", buffers.argmax),
            Place::Statistics => ("statistics", buffers.statistics),
            Place::Shards => ("shards", buffers.shards),
            Place::Denominator => ("denominator", buffers.denominator),
        };
        let slice = given.ok_or_else(|| problem(what, "missing, and this plan needs it".to_owned()))?;
        self.part(what, slice, span)
    }

    /// A span of the caller's slice, checked against both ends.
    fn part<'a>(&self, what: &'static str, slice: Slice<'a>, span: Span) -> Result<wgpu::BufferBinding<'a>> {
        let alignment = u64::from(self.context.limits.min_storage_buffer_offset_alignment);
        if !slice.offset.is_multiple_of(alignment) {
            let text = format!("offset {} is not a multiple of {alignment}, which this device asks for", slice.offset);
            return Err(problem(what, text));
        }
        if !slice.buffer.usage().contains(wgpu::BufferUsages::STORAGE) {
            let usage = slice.buffer.usage();
            return Err(problem(what, format!("its usage is {usage:?}, expected STORAGE among it")));
        }
        let room = slice.buffer.size().saturating_sub(slice.offset);
        let size = slice.size.unwrap_or(room);
        if size > room {
            let all = slice.buffer.size();
            return Err(problem(what, format!("{size} bytes from offset {} do not fit its {all} bytes", slice.offset)));
        }
        let needed = span.offset + span.size.max(4);
        if needed > size {
            return Err(problem(what, format!("{size} bytes given, {needed} needed")));
        }
        let size = if span.size == 0 { (size - span.offset) / 4 * 4 } else { span.size };
        Ok(wgpu::BufferBinding {
            buffer: slice.buffer,
            offset: slice.offset + span.offset,
            size: wgpu::BufferSize::new(size),
        })
    }
}

fn problem(what: &'static str, problem: String) -> Error {
    Error::Buffer { what, problem }
}
