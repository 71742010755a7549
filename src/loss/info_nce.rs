//! The options of `info_nce`.

use super::{EmptyMean, Reduction};

/// InfoNCE (van den Oord et al. 2018): softmax cross-entropy over a matrix of similarities `[N, M]`, each row's positive
/// among its columns. Symmetric, the loss of CLIP (Radford et al. 2021): half of it, and half of the same down the first N
/// columns, whose positives are the diagonal's.
///
/// ```text
/// loss_i = lse_i − x_iy/τ        ∂loss_i/∂x_ij = (p_ij − [j=y])/τ        p_i = softmax(x_i/τ)
/// ```
///
/// Targets are classes: [`diagonal`](Self::diagonal), or positives of one's own where it is not symmetric.
///
/// ```
/// use gpu_loss::loss::{InfoNce, Loss as _};
/// use gpu_loss::{Batch, reference};
/// let similarities = ndarray::array![[0.9_f32, 0.1], [0.2, 0.8]];
/// let loss = InfoNce::default().temperature(0.07).symmetric(true);
/// let positives = InfoNce::diagonal(2);
/// let out = reference::run(&loss.spec(), &Batch::new(&similarities, &positives))?;
/// assert!(out.loss < 1e-3);
/// # Ok::<(), gpu_loss::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InfoNce {
    /// How the losses of rows are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; not where it is symmetric.
    pub ignore_index: Option<i64>,
    /// `τ`, above 0: what similarities are divided by.
    pub temperature: f32,
    /// Whether it goes down the columns too. In one call on host arrays alone, on scores `[N, M]` with N ≤ M.
    pub symmetric: bool,
}

impl Default for InfoNce {
    fn default() -> Self {
        InfoNce {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            temperature: 1.0,
            symmetric: false,
        }
    }
}

loss!(InfoNce: reduction, denominator, empty_mean, ignore_index, temperature, symmetric);

impl InfoNce {
    /// The positives of a batch of pairs: column i for row i.
    #[must_use]
    pub fn diagonal(rows: usize) -> Vec<i64> {
        (0..rows as i64).collect()
    }
}
