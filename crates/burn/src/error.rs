//! What can go wrong.

use burn::tensor::DType;
use burn::tensor::wgpu::WgpuInitError;

/// What this crate can refuse or fail at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Burn's device could not be opened. Burn opens each device once: call [`device`](crate::device()) before anything
    /// else makes a tensor on Burn's default wgpu device, or hand what you opened yourself to
    /// [`share`](crate::share()).
    #[error("Burn's wgpu device could not be opened before its first use: {0}")]
    Open(#[from] WgpuInitError),
    /// The device is none of wgpu's: CUDA, ROCm, Metal or the CPU. Losses are Burn's own composition there.
    #[error("{device} is no wgpu device: only those can be shared")]
    NotWgpu {
        /// The device.
        device: String,
    },
    /// The device was not shared: see [`share`](crate::share()).
    #[error("{device} is not shared: call gpu_loss_burn::device() or gpu_loss_burn::share() before")]
    NotShared {
        /// The device.
        device: String,
    },
    /// Scores and targets do not go together.
    #[error("{what} has shape {got:?}, expected {expected}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// What the scores ask for.
        expected: String,
    },
    /// Scores of a type that no loss is computed on.
    #[error("scores of type {got:?}, expected f32, f16 or bf16")]
    ScoresType {
        /// Their type.
        got: DType,
    },
    /// Labels of a type that no kernel reads.
    #[error("labels of type {got:?}, expected i32, i64 or u32")]
    LabelsType {
        /// Their type.
        got: DType,
    },
    /// Labels that name no class, or class lists that are not strictly increasing, were found on the device.
    #[error("row {row}{}: its target names no class of the scores ({count} such rows since the last check)",
        within_chunk(.of_chunk))]
    Targets {
        /// The first such row, over all batches since the last check.
        row: u32,
        /// How many, over all batches since the last check.
        count: u32,
        /// Whether a linear layer took a batch in chunks since the last check: its rows are counted within their chunk.
        of_chunk: bool,
    },
    /// Probabilities outside [0, 1] were found on the device.
    #[error("row {row}: a probability is outside [0, 1] ({count} such elements since the last check)")]
    Probabilities {
        /// The first row that holds one.
        row: u32,
        /// How many.
        count: u32,
    },
    /// The device failed.
    #[error("the device failed: {message}")]
    Device {
        /// Its words.
        message: String,
    },
    /// An option out of its range, or what the device could not do.
    #[error(transparent)]
    Loss(#[from] gpu_loss::Error),
}

/// What is said of a row that is counted within a part of its batch.
fn within_chunk(of_chunk: &bool) -> &'static str {
    if *of_chunk { " (counted within its chunk, where linear_cross_entropy took a batch in chunks)" } else { "" }
}
