//! Fused cross-entropy losses on any GPU, from Rust, through wgpu and WGSL.

mod batch;
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
pub use front::GpuLoss;
pub use gpu::adapter::AdapterFilter;
pub use half::{bf16, f16};
pub use loss::{Bce, Ce, EmptyMean, Kind, Loss, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal, Spec};
pub use plan::{Buffers, IntegerType, Layout, Plan, Slice, Strategy};
pub use wgpu;
