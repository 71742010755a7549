//! Fused cross-entropy losses on any GPU, from Rust, through wgpu and WGSL.
//!
//! A loss is *what* is computed: an options struct, [`SoftmaxCe`] and its kin. A [`Plan`] is *how*, for one shape on
//! one device: kernels chosen and built, scratch reserved. Running it moves the data as rarely as the device allows: short
//! rows are read once, long ones twice, and nothing of the scores' size is stored in between. It is built on wgpu 30, which
//! is re-exported as [`wgpu`].
//!
//! ```no_run
//! use gpu_loss::{Batch, GpuLoss, SoftmaxCe};
//!
//! let gpu = GpuLoss::new()?;
//! let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
//! let out = gpu.run(&SoftmaxCe::default().label_smoothing(0.1), &Batch::new(&logits, &[0, 2]))?;
//! println!("{}: {}", out.loss, out.gradient()?);
//! # Ok::<(), gpu_loss::Error>(())
//! ```
//!
//! # Which loss
//!
//! | a row has | loss |
//! |---|---|
//! | one true class of many | [`SoftmaxCe`] on classes |
//! | several true classes that share the row | [`SoftmaxCe`] on lists or multi-hot targets: each weighs 1/M |
//! | a distribution to match (mixup) | [`SoftmaxCe`] on probabilities |
//! | a teacher's scores to match | [`Distillation`](loss::Distillation) on [`Targets::Logits`] |
//! | independent yes-or-no attributes | [`SigmoidCe`] |
//! | one true class, and confident rows are to count for more or less | [`Poly1`] |
//! | many easy negatives | [`SoftmaxFocal`], [`SigmoidFocal`] |
//! | independent attributes of which few are true | [`Asymmetric`](loss::Asymmetric) |
//! | attributes of which some are not known | [`MISSING_LABEL`](batch::MISSING_LABEL) among multi-hot targets |
//! | its pair among the columns of a similarity matrix (CLIP, retrieval) | [`InfoNce`](loss::InfoNce) |
//! | probabilities instead of scores | [`Ce`], [`Bce`] |
//!
//! Fused means: a kernel reads a row of scores, reduces it, and writes the gradient. Log-softmax, gather, mean and
//! their backward passes are not separate kernels with arrays of their own between them.
//!
//! # Shapes
//!
//! Scores are `[N, C]`, or `[N, C, d1, …, dk]` with the classes on axis 1, as a network for dense prediction gives
//! them; every position is then a row, `R = N·d1·…·dk`. Scores are `f32`, [`f16`](struct@batch::f16) or [`bf16`](batch::bf16); arithmetic
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
//! NaN ([`EmptyMean`](loss::EmptyMean)), its gradient 0.
//!
//! # On the device: plans
//!
//! [`GpuLoss::plan`] prepares a loss for scores that are on the device already, and [`Plan::encode`] records it into your
//! encoder; the example [`training_loop`](https://github.com/gpu-loss/gpu-loss/blob/main/examples/training_loop.rs) is a
//! whole program. A [`Layout`] says what the plan is for: shape, type, strides, `in_place` (the gradient replaces the scores,
//! so that no second array of their size exists), and gradients that arrive. [`Plan::buffer_sizes`] has the table of buffers.
//! [`GpuLoss::plan_pair`] makes the halves of a training step: a forward plan that saves
//! [`RowStatistics`](layout::RowStatistics), and a backward one that makes the gradient of them, with the same options.
//!
//! # Names
//!
//! The root has what most programs type. [`batch`], [`layout`], [`loss`] and [`plan`] have the rest of their own,
//! [`builder`] how a device is opened, [`reference`](mod@reference) the float64 definition of every loss.
//!
//! | feature | what it adds |
//! |---|---|
//! | `verify` (default) | the module `verify`: checks of a whole adapter against the reference |
//! | `export` | the module `export`: kernels and dispatches as data, for other implementations of WebGPU |
//! | `fault-injection` | the module `fault`: devices that fail on request, for tests |
//!
//! # Several devices: shards of a vocabulary
//!
//! Where each device holds a slice of the classes, each makes a plan of [`Mode::Statistics`] on its [`Shard`](layout::Shard); the
//! 32 bytes a row are exchanged; a plan of [`Mode::Merge`] makes losses of them, and one of [`Mode::Gradient`] on each device
//! its slice of the gradient:
//!
//! [`Mode::Statistics`]: layout::Mode::Statistics
//! [`Mode::Merge`]: layout::Mode::Merge
//! [`Mode::Gradient`]: layout::Mode::Gradient
//!
//! ```
//! use gpu_loss::{Dtype, Layout, Shape};
//! // Two devices, 64,128 of 128,256 classes each.
//! let half = Shape::new(512, 64_128);
//! let statistics = [0, 64_128].map(|first| Layout::shard_statistics(half, Dtype::Bf16, first, 128_256));
//! let merge = Layout::merge(Shape::new(512, 128_256), Dtype::Bf16, 2);
//! let gradients = [0, 64_128].map(|first| Layout::backward(half, Dtype::Bf16).shard(first, 128_256));
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

mod api;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
pub mod batch;
mod device;
pub mod error;
mod kernel;
pub mod layout;
pub mod linear;
pub mod loss;
pub mod plan;
pub mod reference;
mod schedule;
#[cfg(feature = "verify")]
pub mod verify;

pub use api::GpuLoss;
pub use batch::{Batch, Dtype, Output, Shape, Targets};
pub use error::{Error, Result};
pub use layout::Layout;
pub use loss::{Bce, Ce, Poly1, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal};
pub use plan::{Buffers, Plan};
pub use wgpu;

pub mod builder {
    //! How a device is opened: which adapter, which strategies, whether kernels are tested first.

    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::api::TuningFile;
    pub use crate::api::{Builder, Refusal, Tuning};
    pub use crate::device::adapter::AdapterFilter;
}

#[cfg(feature = "export")]
pub mod export {
    //! Losses as data, for other implementations of WebGPU: [`GpuLoss::describe`](crate::GpuLoss::describe).

    pub use crate::plan::describe::{DispatchList, ENTRY_POINT, ListedBinding, ListedBuffer, ListedDispatch};
}

#[cfg(feature = "fault-injection")]
pub mod fault {
    //! Faults for tests: [`GpuLoss::strike`](crate::GpuLoss::strike), [`GpuLoss::alter_kernels`](crate::GpuLoss::alter_kernels).

    pub use crate::device::Fault;
}

/// The code of README and docs, compiled.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/from-pytorch.md")]
    struct FromPytorch;
    #[doc = include_str!("../docs/options.md")]
    struct Options;
    #[doc = include_str!("../docs/linear.md")]
    struct Linear;
    #[doc = include_str!("../docs/numerics.md")]
    struct Numerics;
    #[doc = include_str!("../docs/performance.md")]
    struct Performance;
}
