//! Fused cross-entropy losses on any GPU, from Rust, through wgpu and WGSL.
//!
//! A loss is *what* is computed: an options struct, [`SoftmaxCe`] and its kin. A [`Plan`] is *how*, for one shape on
//! one device: kernels chosen and built, scratch reserved. Running it moves the data as rarely as the device allows: short
//! rows are read once, long ones twice, and nothing of the scores' size is stored in between. It is built on wgpu 30, which
//! is re-exported as [`wgpu`].
//!
//! ```no_run
//! use gpu_loss::{Batch, GpuLoss, SoftmaxCe, Targets};
//!
//! let gpu = GpuLoss::new()?;
//! let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
//! let labels = [0_i64, 2];
//! let smoothed = SoftmaxCe::default().label_smoothing(0.1);
//! let out = gpu.softmax_ce_with(&smoothed, &Batch::new(logits.view(), Targets::Classes(&labels)))?;
//! println!("{}: {}", out.loss, out.grad);
//! # Ok::<(), gpu_loss::Error>(())
//! ```
//!
//! # Which loss
//!
//! | a row has | loss |
//! |---|---|
//! | one true class of many | [`SoftmaxCe`] on classes |
//! | several true classes that share the row | [`SoftmaxCe`] on lists or multi-hot targets: each weighs 1/M |
//! | a distribution to match (distillation, mixup) | [`SoftmaxCe`] on probabilities |
//! | independent yes-or-no attributes | [`SigmoidCe`] |
//! | many easy negatives | [`SoftmaxFocal`], [`SigmoidFocal`] |
//! | one true class, and confident rows are to count for more or less | [`Poly1`] |
//! | probabilities instead of scores | [`Ce`], [`Bce`] |
//!
//! Fused means: a kernel reads a row of scores, reduces it, and writes the gradient. Log-softmax, gather, mean and
//! their backward passes are not separate kernels with arrays of their own between them.
//!
//! # Shapes
//!
//! Scores are `[N, C]`, or `[N, C, d1, …, dk]` with the classes on axis 1, as a network for dense prediction gives
//! them; every position is then a row, `R = N·d1·…·dk`. Scores are `f32`, [`f16`](struct@f16) or [`bf16`]; arithmetic
//! is `f32`, and the gradient has the scores' shape and type.
//!
//! # Reductions
//!
//! | [`Reduction`] | the loss is | the gradient is of |
//! |---|---|---|
//! | `Mean` (default) | classes: `Σ / Σ w_y` over rows that count; other targets of row losses: `Σ / R`; losses of elements: `Σ / elements` | the mean |
//! | `Sum` | `Σ` | the sum |
//! | `BatchMean` | `Σ / N` | that |
//! | `None` | one a row or element ([`Output::losses`]) | `Σ upstream·loss` |
//!
//! A `denominator` replaces what the mean divides by: token counts under gradient accumulation. A mean over nothing is
//! NaN ([`EmptyMean`]), its gradient 0.
//!
//! # On the device: plans
//!
//! [`GpuLoss::plan`] prepares a loss for scores that are on the device already, and [`Plan::encode`] records it into your
//! encoder. A [`Layout`] says more: strides, `in_place` (the gradient replaces the scores, so that no second array of
//! their size exists), and gradients that arrive. [`GpuLoss::plan_pair`] makes the halves of a training step: a forward plan
//! that saves [`RowStatistics`] ([`Layout::statistics`]), and a backward one of [`Mode::Gradient`] with the same options.
//!
//! # Several devices: shards of a vocabulary
//!
//! Where each device holds a slice of the classes, each makes a plan of [`Mode::Statistics`] on its [`Shard`]; the 32
//! bytes a row ([`STATISTICS_BYTES`]) are exchanged; a plan of [`Mode::Merge`] makes losses of them, and one of
//! [`Mode::Gradient`] on each device its slice of the gradient:
//!
//! ```
//! use gpu_loss::{Dtype, Layout, Mode, Shape};
//! // Two devices, 64,128 of 128,256 classes each.
//! let half = Layout::new(Shape::new(512, 64_128), Dtype::Bf16);
//! let statistics = [0, 64_128].map(|first| half.shard(first, 128_256).mode(Mode::Statistics));
//! let merge = Layout::new(Shape::new(512, 128_256), Dtype::Bf16).mode(Mode::Merge { shards: 2 });
//! let gradients = [0, 64_128].map(|first| half.shard(first, 128_256).mode(Mode::Gradient));
//! assert_eq!(statistics[1].all_classes(), merge.shape.classes);
//! assert_eq!(gradients[0].shape, statistics[0].shape);
//! ```
//!
//! # Numbers
//!
//! Against a float64 [`reference`](mod@reference) on the inputs as stored, losses are within `2e-6 + 1e-5·|loss|`, f32
//! gradients within `2e-5·|g| + 1e-6·max|g| + 4e-7·s·(A·p_j + B_j)`, where the last term is what cancels in them; f16
//! gradients with 1e-3 and bf16 with 4e-3 in place of 2e-5; the same plan on
//! the same adapter gives the same bits every time. [`verify`] checks an adapter.

#![deny(unsafe_code)]
// No public call panics: what could fail is an `Error`. Indices and arithmetic are held to the same where strangers' numbers
// are read: in `batch` and `check`.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)
)]

#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
mod batch;

mod api;
mod device;
pub mod error;
mod kernel;
mod layout;
pub mod loss;
mod plan;
pub mod reference;
mod schedule;
pub mod verify;

#[cfg(not(target_arch = "wasm32"))]
pub use api::TuningFile;
pub use api::{Builder, GpuLoss, Refusal, Tuning};
pub use batch::{Batch, Dtype, Element, Integer, Integers, Labels, Output, Outputs, Shape, TargetForm, Targets};
#[doc(hidden)]
pub use device::Fault;
pub use device::adapter::AdapterFilter;
pub use error::{Error, Result};
pub use half::{bf16, f16};
pub use layout::{IntegerType, Layout, Mode, RowStatistics, STATISTICS_BYTES, Shard, Upstream};
pub use loss::{
    Bce, Ce, EmptyMean, Kind, Loss, Poly1, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal, Spec,
};
pub use plan::{
    Buffers, DispatchList, ENTRY_POINT, ListedBinding, ListedBuffer, ListedDispatch, Plan, PlanPair, STATUS_BYTES,
    Slice,
};
pub use schedule::Strategy;
pub use wgpu;

/// The code of README and docs, compiled.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/from-pytorch.md")]
    struct FromPytorch;
    #[doc = include_str!("../docs/numerics.md")]
    struct Numerics;
    #[doc = include_str!("../docs/performance.md")]
    struct Performance;
}
