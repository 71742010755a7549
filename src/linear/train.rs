//! Loss and gradients, chunk by chunk: a product makes the logits of a chunk, the loss kernels put their gradient in place,
//! and two products make of it what the hidden states and the weights have.

use super::chunk::Chunks;
use super::product::{Lines, Out, Product, ProductKernel};
use super::slot::{Part, Slot};
use super::steps::{Step, Steps};
use super::tile::Tile;
use crate::batch::Dtype;
use crate::error::Result;
use crate::layout::Upstream;

const ALL: Part = Part { offset: 0, size: 0 };

impl Steps<'_> {
    /// All steps of a training plan.
    pub(crate) async fn train(&mut self, chunks: Chunks) -> Result<()> {
        self.begin().await?;
        for (number, (first, rows)) in chunks.iter().enumerate() {
            self.chunk_inputs(first, rows).await?;
            self.logits(first, rows).await?;
            self.steps.push(Step::Loss(usize::from(rows != chunks.rows)));
            self.chunk_outputs(first, rows).await?;
            let added = number > 0 || self.layout.accumulate;
            if self.layout.grad_hidden {
                self.grad_hidden(first, rows).await?;
            }
            if self.layout.grad_weight {
                self.grad_weight(first, rows, added).await?;
            }
            if self.layout.grad_bias {
                self.column_sums(rows, added).await?;
            }
            self.steps.push(Step::Cut);
        }
        self.end().await
    }

    async fn chunk_inputs(&mut self, first: u64, rows: u64) -> Result<()> {
        self.copy_rows((Slot::Labels, first), (Slot::ChunkLabels, 0), rows).await?;
        if self.layout.upstream == Upstream::PerLoss {
            self.copy_rows((Slot::Upstream, first), (Slot::ChunkUpstream, 0), rows).await?;
        }
        Ok(())
    }

    async fn chunk_outputs(&mut self, first: u64, rows: u64) -> Result<()> {
        self.copy_rows((Slot::ChunkLosses, 0), (Slot::Losses, first), rows).await?;
        if self.layout.lse {
            self.copy_rows((Slot::ChunkLse, 0), (Slot::Lse, first), rows).await?;
        }
        if self.layout.argmax || self.layout.correct {
            self.copy_rows((Slot::ChunkArgmax, 0), (Slot::Argmax, first), rows).await?;
        }
        Ok(())
    }

    /// `logits = hidden·weightᵀ + bias`
    async fn logits(&mut self, first: u64, rows: u64) -> Result<()> {
        let layout = self.layout;
        let (length, size) = (layout.hidden as u64, layout.dtype.size() as u64);
        let (a, a_at) = self.lines(first, rows, length, size);
        let kernel = self.logits_kernel(Out::F32 { accumulate: false }, self.tile());
        for (class, classes) in self.slabs.iter() {
            let product = Product {
                rows: rows as u32,
                columns: classes as u32,
                depth: length as u32,
                a_at,
                a_stride: length as u32,
                b_stride: length as u32,
                out_at: class as u32,
                out_stride: layout.logits_stride() as u32,
                ..Product::default()
            };
            let (weight, bias) = self.slab(class, classes);
            let bindings =
                [(21, Slot::Hidden, a), (22, Slot::Weight, weight), (23, Slot::Logits, ALL), (24, Slot::Bias, bias)];
            self.product(kernel, product, &bindings).await?;
        }
        Ok(())
    }

    fn tile(&self) -> Tile {
        Tile::stored(self.context, self.layout.on_vectors())
    }

    /// The parts of weights and bias that belong to a slab of the vocabulary: both begin where a binding may.
    pub(crate) fn slab(&self, class: u64, classes: u64) -> (Part, Part) {
        let size = self.layout.dtype.size() as u64;
        let (weight, _) = self.lines(class, classes, self.layout.hidden as u64, size);
        (weight, Part { offset: class * size, size: (classes * size).next_multiple_of(4) })
    }

    /// The kernel of the logits, whatever becomes of them.
    pub(crate) fn logits_kernel(&self, out: Out, tile: Tile) -> ProductKernel {
        ProductKernel {
            dtype: self.layout.dtype,
            a: Lines::AlongDepth,
            a_is_f32: false,
            b: Lines::AlongDepth,
            a_vectors: self.layout.on_vectors(),
            b_vectors: self.layout.on_vectors(),
            bias: self.layout.bias,
            out,
            tile,
        }
    }

    /// Whether a chunk's gradient of the hidden states is made in f32 lines of their own and then rounded: where lines of 16
    /// bits share words, and where it is added up over slabs of the vocabulary.
    pub(crate) fn hidden_lines_apart(&self) -> bool {
        let halves = self.layout.dtype != Dtype::F32;
        self.layout.grad_hidden && halves && (!self.layout.on_vectors() || self.slabs.count() > 1)
    }

    /// `grad_hidden = g·weight`
    async fn grad_hidden(&mut self, first: u64, rows: u64) -> Result<()> {
        let layout = self.layout;
        let length = layout.hidden as u64;
        let (part, at) = self.lines(first, rows, length, layout.dtype.size() as u64);
        let apart = self.hidden_lines_apart();
        for (class, classes) in self.slabs.iter() {
            let accumulate = class > 0;
            let out = match (layout.dtype != Dtype::F32, layout.on_vectors()) {
                _ if apart => Out::F32 { accumulate },
                (false, true) => Out::F32 { accumulate },
                (false, false) => Out::F32Scalars { accumulate },
                (true, _) => Out::Halves,
            };
            let kernel = self.gradient_kernel(Lines::AlongDepth, out);
            let product = Product {
                rows: rows as u32,
                columns: length as u32,
                depth: classes as u32,
                a_at: class as u32,
                a_stride: layout.logits_stride() as u32,
                b_stride: length as u32,
                out_at: if apart { 0 } else { at },
                out_stride: if apart { length.next_multiple_of(4) } else { length } as u32,
                ..Product::default()
            };
            let to = if apart { (23, Slot::HiddenLines, ALL) } else { (23, Slot::GradHidden, part) };
            let (weight, _) = self.slab(class, classes);
            self.product(kernel, product, &[(21, Slot::Logits, ALL), (22, Slot::Weight, weight), to]).await?;
        }
        if apart { self.pack_halves(rows, part, at).await } else { Ok(()) }
    }

    /// A product of the gradient of a chunk's logits with weights or hidden states.
    fn gradient_kernel(&self, a: Lines, out: Out) -> ProductKernel {
        ProductKernel {
            dtype: self.layout.dtype,
            a,
            a_is_f32: true,
            b: Lines::AcrossDepth,
            a_vectors: true,
            b_vectors: self.layout.on_vectors(),
            bias: false,
            out,
            tile: self.tile(),
        }
    }

    /// `grad_weight = gᵀ·hidden`, or that added.
    async fn grad_weight(&mut self, first: u64, rows: u64, accumulate: bool) -> Result<()> {
        let layout = self.layout;
        let length = layout.hidden as u64;
        let (b, b_at) = self.lines(first, rows, length, layout.dtype.size() as u64);
        let out = match layout.on_vectors() {
            true => Out::F32 { accumulate },
            false => Out::F32Scalars { accumulate },
        };
        let kernel = self.gradient_kernel(Lines::AcrossDepth, out);
        for (class, classes) in self.slabs.iter() {
            let product = Product {
                rows: classes as u32,
                columns: length as u32,
                depth: rows as u32,
                a_at: class as u32,
                a_stride: layout.logits_stride() as u32,
                b_at,
                b_stride: length as u32,
                out_stride: length as u32,
                ..Product::default()
            };
            let (to, _) = self.lines(class, classes, length, 4);
            let bindings = [(21, Slot::Logits, ALL), (22, Slot::Hidden, b), (23, Slot::GradWeight, to)];
            self.product(kernel, product, &bindings).await?;
        }
        Ok(())
    }
}
