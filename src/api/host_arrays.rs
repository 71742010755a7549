//! A batch's arrays as a plan takes them: their bytes, and the layout that they ask for.

use std::borrow::Cow;

use ndarray::{ArrayView, Dimension};

use crate::batch::{Batch, Dtype, Element, Integers, Logits, MultiHot, Probabilities, Shape, Targets};
use crate::error::{Error, Result};
use crate::layout::{IntegerType, Layout, Upstream};

/// A batch's arrays as bytes in row-major order, borrowed where they lie so already.
pub(super) struct HostArrays<'a> {
    pub(super) scores: Cow<'a, [u8]>,
    pub(super) targets: Cow<'a, [u8]>,
    pub(super) indices: Cow<'a, [u8]>,
    pub(super) has_indices: bool,
    pub(super) upstream: Cow<'a, [u8]>,
    pub(super) entropy_upstream: Cow<'a, [u8]>,
    pub(super) element_weights: Cow<'a, [u8]>,
}

impl<'a> HostArrays<'a> {
    pub(super) fn new<T: Element, D: Dimension>(batch: &'a Batch<'_, T, D>) -> Self {
        let nothing = Cow::Borrowed(&[] as &[u8]);
        let mut arrays = HostArrays {
            scores: bytes(batch.scores.view()),
            targets: nothing.clone(),
            indices: nothing.clone(),
            has_indices: false,
            upstream: batch.upstream.as_ref().map_or_else(|| nothing.clone(), |a| bytes(a.view())),
            entropy_upstream: batch.entropy_upstream.as_ref().map_or_else(|| nothing.clone(), |a| bytes(a.view())),
            element_weights: batch.element_weights.as_ref().map_or_else(|| nothing.clone(), |a| bytes(a.view())),
        };
        match &batch.targets {
            Targets::Classes(labels) => arrays.targets = integer_bytes(labels),
            Targets::Lists { offsets, indices } => {
                arrays.targets = integer_bytes(offsets);
                arrays.indices = integer_bytes(indices);
                arrays.has_indices = true;
            }
            Targets::Logits(teacher) => arrays.targets = teacher_bytes(teacher),
            Targets::MultiHot(marks) => arrays.targets = mark_bytes(marks),
            Targets::Probabilities(probabilities) => arrays.targets = probability_bytes(probabilities),
        }
        arrays
    }

    /// With the scores as far from one `n` to the next as a layout has them; what lies between is made of ones: NaN.
    pub(super) fn with_gaps(mut self, layout: &Layout) -> Self {
        let size = layout.dtype.size();
        let (slab, step) = (layout.shape.slab() * size, layout.scores_step() as usize * size);
        if slab != step {
            let mut apart = vec![0xff; layout.scores_bytes() as usize];
            for (to, from) in apart.chunks_mut(step).zip(self.scores.chunks(slab)) {
                to[..slab].copy_from_slice(from);
            }
            self.scores = Cow::Owned(apart);
        }
        self
    }

    #[cfg(any(test, feature = "export"))]
    /// An input's bytes by the name of its buffer.
    pub(super) fn named(&self, buffer: &str) -> Option<&[u8]> {
        match buffer {
            "scores" => Some(&self.scores),
            "targets" => Some(&self.targets),
            "target_indices" => Some(&self.indices),
            "upstream" => Some(&self.upstream),
            "entropy_upstream" => Some(&self.entropy_upstream),
            "element_weights" => Some(&self.element_weights),
            _ => None,
        }
    }
}

/// The layout of a plan for a batch.
pub(super) fn layout<T: Element, D: Dimension>(batch: &Batch<'_, T, D>, shape: Shape) -> Layout {
    let (integers, indices) = match &batch.targets {
        Targets::Classes(labels) => (labels.integer_type(), IntegerType::I64),
        Targets::Lists { offsets, indices } => (offsets.integer_type(), indices.integer_type()),
        Targets::MultiHot(_) | Targets::Probabilities(_) | Targets::Logits(_) => (IntegerType::I64, IntegerType::I64),
    };
    Layout {
        targets: batch.targets.form(),
        teacher: match &batch.targets {
            Targets::Logits(teacher) => teacher.dtype(),
            _ => Dtype::F32,
        },
        integers,
        indices,
        outputs: batch.outputs,
        upstream: if batch.upstream.is_some() { Upstream::PerLoss } else { Upstream::One },
        entropy_upstream: batch.entropy_upstream.is_some(),
        element_weights: batch.element_weights.is_some(),
        ..Layout::forward_backward(shape, T::DTYPE)
    }
}

/// Refuses lists of more indices than a buffer holds: no shape tells how many there are.
pub(super) fn fits_indices(targets: &Targets<'_>, layout: &Layout, most: u64) -> Result<()> {
    let Targets::Lists { indices, .. } = targets else { return Ok(()) };
    let needed = (indices.len() as u64).saturating_mul(u64::from(layout.indices.words()) * 4);
    if needed <= most {
        return Ok(());
    }
    Err(Error::Limit { limit: "max_buffer_size", got: most, needed, what: "target_indices in one buffer".to_owned() })
}

/// An array's elements in row-major order as bytes.
fn bytes<'a, T: bytemuck::Pod, D: Dimension>(array: ArrayView<'a, T, D>) -> Cow<'a, [u8]> {
    match array.to_slice() {
        Some(slice) => Cow::Borrowed(bytemuck::cast_slice(slice)),
        None => Cow::Owned(array.iter().flat_map(|v| bytemuck::bytes_of(v).to_vec()).collect()),
    }
}

fn integer_bytes<'a>(integers: &'a Integers<'_>) -> Cow<'a, [u8]> {
    match integers {
        Integers::I32(a) => bytes(a.view()),
        Integers::I64(a) => bytes(a.view()),
        Integers::U32(a) => bytes(a.view()),
    }
}

/// A byte a mark, 0 or 1: what a `bool` is.
fn mark_bytes<'a>(marks: &'a MultiHot<'_>) -> Cow<'a, [u8]> {
    match marks {
        MultiHot::U8(a) => bytes(a.view()),
        MultiHot::Bool(a) => match a.view().to_slice() {
            Some(slice) => Cow::Borrowed(bytemuck::cast_slice(slice)),
            None => Cow::Owned(marks.iter().collect()),
        },
    }
}

/// Probabilities in f32, as the device takes them.
fn probability_bytes<'a>(probabilities: &'a Probabilities<'_>) -> Cow<'a, [u8]> {
    match probabilities {
        Probabilities::F32(a) => bytes(a.view()),
        Probabilities::F16(_) | Probabilities::Bf16(_) => {
            Cow::Owned(probabilities.iter().flat_map(f32::to_ne_bytes).collect())
        }
    }
}

/// A teacher's scores as they are held.
fn teacher_bytes<'a>(teacher: &'a Logits<'_>) -> Cow<'a, [u8]> {
    match &teacher.0 {
        Probabilities::F32(a) => bytes(a.view()),
        Probabilities::F16(a) => bytes(a.view()),
        Probabilities::Bf16(a) => bytes(a.view()),
    }
}

/// Writes bytes of any length: the queue takes multiples of 4 alone.
pub(super) fn write(queue: &wgpu::Queue, buffer: &wgpu::Buffer, bytes: &[u8]) {
    let whole = bytes.len() / 4 * 4;
    if whole > 0 {
        queue.write_buffer(buffer, 0, &bytes[..whole]);
    }
    if whole < bytes.len() {
        let mut rest = [0_u8; 4];
        rest[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
        queue.write_buffer(buffer, whole as u64, &rest);
    }
}
