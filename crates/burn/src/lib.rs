//! Fused losses for [Burn](https://burn.dev) on wgpu.
//!
//! ```no_run
//! # use burn::prelude::*;
//! use gpu_loss_burn::CrossEntropyLossConfig; // was: burn::nn::loss::CrossEntropyLossConfig
//!
//! let device = gpu_loss_burn::device()?.autodiff(); // was: Device::wgpu(…).autodiff()
//! # let (logits, targets): (Tensor<2>, Tensor<1, Int>) = todo!();
//! let loss = CrossEntropyLossConfig::new().init(&device).forward(logits, targets);
//! let grads = loss.backward();
//! # Ok::<(), gpu_loss_burn::Error>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod asymmetric;
mod binary;
mod composed;
mod config;
mod cross_entropy;
mod cube;
mod device;
mod distillation;
mod error;
mod focal;
mod linear;
mod op;
mod plan;
mod poly_1;
mod run;

pub use asymmetric::{AsymmetricLoss, AsymmetricLossConfig};
pub use binary::{BinaryCrossEntropyLoss, BinaryCrossEntropyLossConfig};
pub use config::Reduction;
pub use cross_entropy::{CrossEntropyLoss, CrossEntropyLossConfig};
#[cfg(not(target_family = "wasm"))]
pub use device::{check, device};
pub use device::{device_async, is_shared, share, unshare, warm_up};
pub use distillation::{DistillationLoss, DistillationLossConfig, Divergence};
pub use error::Error;
pub use focal::{FocalLoss, FocalLossConfig, SigmoidFocalLoss, SigmoidFocalLossConfig};
pub use linear::linear_cross_entropy;
pub use poly_1::{Poly1Loss, Poly1LossConfig};
