//! Making a layout: a constructor for each part of the work, a setter for each field.

use super::{IntegerType, Layout, Mode, Shard, Upstream};
use crate::batch::{Dtype, Outputs, Shape, TargetForm, requests};

impl Layout {
    /// Loss and gradient in one go, of tight scores of this shape and type against `i64` classes.
    #[must_use]
    pub fn forward_backward(shape: Shape, dtype: Dtype) -> Self {
        Layout {
            shape,
            dtype,
            targets: TargetForm::Classes,
            teacher: Dtype::F32,
            integers: IntegerType::I64,
            indices: IntegerType::I64,
            longest_list: 4096,
            outputs: Outputs::default(),
            scores_stride: None,
            grad_stride: None,
            in_place: false,
            upstream: Upstream::One,
            entropy_upstream: false,
            element_weights: false,
            missing_labels: false,
            denominator: false,
            statistics: false,
            mode: Mode::Whole,
            shard: None,
        }
    }

    /// The loss alone. With [`with_statistics`](Self::with_statistics) it is the forward half of a training step.
    #[must_use]
    pub fn forward(shape: Shape, dtype: Dtype) -> Self {
        Layout::forward_backward(shape, dtype).loss_only()
    }

    /// The backward half of a training step: the gradient, from the statistics that a forward plan kept. See
    /// [`Mode::Gradient`].
    #[must_use]
    pub fn backward(shape: Shape, dtype: Dtype) -> Self {
        Layout::forward_backward(shape, dtype).mode(Mode::Gradient)
    }

    /// The statistics of one shard, whose first class has the number `first_class` among `all_classes`;
    /// `shape.classes` counts the shard's own. See [`Mode::Statistics`].
    #[must_use]
    pub fn shard_statistics(shape: Shape, dtype: Dtype, first_class: usize, all_classes: usize) -> Self {
        Layout::forward_backward(shape, dtype).mode(Mode::Statistics).shard(first_class, all_classes)
    }

    /// The loss from the statistics of so many shards; `shape.classes` counts the classes of all. See [`Mode::Merge`].
    #[must_use]
    pub fn merge(shape: Shape, dtype: Dtype, shards: u32) -> Self {
        Layout::forward_backward(shape, dtype).mode(Mode::Merge { shards })
    }

    /// Sets the form of the targets.
    #[must_use]
    pub fn targets(mut self, targets: TargetForm) -> Self {
        self.targets = targets;
        self
    }

    /// Sets the type of labels or list offsets.
    #[must_use]
    pub fn integers(mut self, integers: IntegerType) -> Self {
        self.integers = integers;
        self
    }

    /// Sets the type of list indices.
    #[must_use]
    pub fn indices(mut self, indices: IntegerType) -> Self {
        self.indices = indices;
        self
    }

    /// Sets the most classes that a row's list has; see the field.
    #[must_use]
    pub fn longest_list(mut self, classes: usize) -> Self {
        self.longest_list = classes;
        self
    }

    /// Sets which outputs are wanted, all at once.
    #[must_use]
    pub fn outputs(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }

    requests!(.outputs);

    /// Asks for the row statistics, which a plan of [`Mode::Gradient`] reads later.
    #[must_use]
    pub fn with_statistics(mut self) -> Self {
        self.statistics = true;
        self
    }

    /// Sets the strides of scores and gradient, in elements.
    #[must_use]
    pub fn strides(mut self, scores: usize, grad: usize) -> Self {
        self.scores_stride = Some(scores);
        self.grad_stride = Some(grad);
        self
    }

    /// Sets the scores' stride alone, in elements from one `n` to the next.
    #[must_use]
    pub fn scores_stride(mut self, elements: usize) -> Self {
        self.scores_stride = Some(elements);
        self
    }

    /// Sets the gradient's stride alone, in elements from one `n` to the next.
    #[must_use]
    pub fn grad_stride(mut self, elements: usize) -> Self {
        self.grad_stride = Some(elements);
        self
    }

    /// Lets the gradient replace the scores.
    #[must_use]
    pub fn in_place(mut self) -> Self {
        self.in_place = true;
        self
    }

    /// Sets which gradient arrives from behind the loss.
    #[must_use]
    pub fn upstream(mut self, upstream: Upstream) -> Self {
        self.upstream = upstream;
        self
    }

    /// Says that some multi-hot bytes may be [`MISSING_LABEL`](crate::batch::MISSING_LABEL).
    #[must_use]
    pub fn missing_labels(mut self) -> Self {
        self.missing_labels = true;
        self
    }

    /// Sets the targets to a teacher's scores of this type.
    #[must_use]
    pub fn teacher(mut self, teacher: Dtype) -> Self {
        (self.targets, self.teacher) = (TargetForm::Logits, teacher);
        self
    }

    /// Says that element weights are given: [`Buffers::element_weights`](crate::Buffers::element_weights).
    #[must_use]
    pub fn element_weights(mut self) -> Self {
        self.element_weights = true;
        self
    }

    /// Says that a gradient arrives at each row's entropy: [`Buffers::entropy_upstream`](crate::Buffers::entropy_upstream).
    #[must_use]
    pub fn entropy_upstream(mut self) -> Self {
        self.entropy_upstream = true;
        self
    }

    /// Says that the mean's denominator is in a buffer: [`Buffers::denominator`](crate::Buffers::denominator).
    #[must_use]
    pub fn denominator(mut self) -> Self {
        self.denominator = true;
        self
    }

    /// Sets what of the work is done, as the constructors do.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Names the classes at hand as a slice of a vocabulary.
    #[must_use]
    pub fn shard(mut self, first_class: usize, all_classes: usize) -> Self {
        self.shard = Some(Shard { first_class, all_classes });
        self
    }
}
