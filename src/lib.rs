//! Fused cross-entropy losses on any GPU, from Rust, through wgpu and WGSL.
//!
//! A loss is *what* is computed: an options struct, [`SoftmaxCe`] and its kin. A [`Plan`] is *how*, for one shape on
//! one device: kernels chosen and built, scratch reserved. Running it moves the data once: every score is read, every
//! gradient written, and nothing of the scores' size in between.
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
//! | probabilities instead of scores | [`Ce`], [`Bce`] |
//!
//! # Shapes
//!
//! Scores are `[N, C]`, or `[N, C, d1, …, dk]` with the classes on axis 1, as a network for dense prediction gives
//! them; every position is then a row, `R = N·d1·…·dk`. Scores are `f32`, [`f16`](struct@f16) or [`bf16`]; arithmetic
//! is `f32`, and the gradient has the scores' shape and type.
//!
//! # Numbers
//!
//! Against a float64 [`reference`](mod@reference) on the inputs as stored, losses are within `2e-6 + 1e-5·|loss|`, f32
//! gradients within `2e-5·|g| + 1e-6·max|g|`, f16 gradients within `1e-3·|g|`, bf16 within `4e-3·|g|`; the same plan on
//! the same adapter gives the same bits every time. [`verify`] checks an adapter.

#![forbid(unsafe_code)]
// No public call panics: what could fail is an `Error`. Indices and arithmetic are held to the same where strangers' numbers
// are read: in `batch` and `check`.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)
)]

#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
mod batch;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
mod check;
pub mod error;
mod front;
mod gpu;
pub mod loss;
mod plan;
pub mod reference;
pub mod verify;

pub use batch::{Batch, Dtype, Element, Integer, Integers, Labels, Output, Shape, TargetForm, Targets, Want};
pub use error::{Error, Result};
#[cfg(not(target_arch = "wasm32"))]
pub use front::TuningFile;
pub use front::{GpuLoss, Refusal, Tuning};
#[doc(hidden)]
pub use gpu::Fault;
pub use gpu::adapter::AdapterFilter;
pub use half::{bf16, f16};
pub use loss::{Bce, Ce, EmptyMean, Kind, Loss, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal, Spec};
pub use plan::{
    Buffers, IntegerType, Layout, Mode, Plan, RowStatistics, STATISTICS_BYTES, STATUS_BYTES, Shard, Slice, Strategy,
    Upstream,
};
pub use wgpu;

/// The README's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
