//! A linear layer and softmax cross-entropy in one, so that the logits of a whole batch never exist:
//! [`GpuLoss::linear_ce`](crate::GpuLoss::linear_ce) on host arrays, [`GpuLoss::plan_linear`](crate::GpuLoss::plan_linear) over
//! device buffers.

// Rows are cut into chunks whose logits fit a budget (`chunk`). For each chunk, a product makes the logits, an ordinary plan of
// `softmax_ce` replaces them by their gradient in place, and two more products make of it the gradients of hidden states and
// weights (`train`). An evaluation is one product that keeps row statistics alone, and their merge (`evaluate`). Products are
// tiles in workgroup memory (`product`, `tile`, `shaders/gemm`).

mod batch;
mod buffers;
mod build;
mod chunk;
mod evaluate;
mod host;
mod kernel;
mod layout;
mod options;
mod plan;
mod product;
mod slabs;
mod slot;
mod status;
mod steps;
mod tasks;
#[cfg(test)]
mod tests;
mod tile;
mod train;

pub use batch::{LinearBatch, LinearOutput};
pub use buffers::LinearBuffers;
pub(crate) use build::{Cut, Request};
pub(crate) use host::run;
pub(crate) use kernel::LinearKernels;
pub use layout::LinearLayout;
pub use options::LinearCe;
pub use plan::LinearPlan;
