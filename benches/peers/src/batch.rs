//! Random scores and labels, and what must come of them.

use std::path::Path;

use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch as HostBatch, SoftmaxCe};
use ndarray::ArrayView2;

/// Scores of the tile that the batch repeats: more than any cache of a core keeps, few enough for the reference.
const TILE: usize = 1 << 20;
/// Peers are held to this many times what gpu-loss promises: they round otherwise, but compute the same.
const SLACK: f64 = 10.0;

/// A batch on the host.
pub struct Batch {
    pub rows: usize,
    pub classes: usize,
    /// `[rows, classes]`.
    pub scores: Vec<f32>,
    pub labels: Vec<i64>,
    /// Of one tile, its gradients divided by the rows of the whole batch.
    expected: Reference,
    /// The mean loss of the whole batch.
    loss: f64,
}

impl Batch {
    /// As many whole rows as some elements hold.
    pub fn random(elements: usize, classes: usize) -> Result<Self, String> {
        let rows = (elements / classes).max(1);
        let tile = (TILE / classes).clamp(1, rows);
        let mut random = Random(elements as u64 ^ classes as u64);
        let scores: Vec<f32> = (0..tile * classes).map(|_| 8.0 * (random.unit() + random.unit() - 1.0)).collect();
        let labels: Vec<i64> = (0..tile).map(|_| (random.unit() * classes as f32) as i64).collect();
        let view = ArrayView2::from_shape((tile, classes), &scores).map_err(|error| error.to_string())?;
        let loss = SoftmaxCe::default().denominator(rows as f32);
        let expected = reference::run(&loss, &HostBatch::new(view, &labels)).map_err(|error| error.to_string())?;
        let mean = (0..rows).map(|row| expected.losses[[row % tile]]).sum::<f64>() / rows as f64;
        Ok(Batch {
            rows,
            classes,
            scores: scores.iter().copied().cycle().take(rows * classes).collect(),
            labels: labels.iter().copied().cycle().take(rows).collect(),
            expected,
            loss: mean,
        })
    }

    /// Writes scores and labels for other processes to read.
    pub fn write(&self, directory: &Path) -> std::io::Result<()> {
        std::fs::write(directory.join("scores"), bytemuck::cast_slice(&self.scores))?;
        std::fs::write(directory.join("labels"), bytemuck::cast_slice(&self.labels))
    }

    /// Reads what [`write`](Self::write) wrote: scores and labels.
    #[cfg(feature = "burn")]
    pub fn read(directory: &Path) -> std::io::Result<(Vec<f32>, Vec<i64>)> {
        let scores = bytemuck::pod_collect_to_vec(&std::fs::read(directory.join("scores"))?);
        let labels = bytemuck::pod_collect_to_vec(&std::fs::read(directory.join("labels"))?);
        Ok((scores, labels))
    }

    /// Holds a loss and the whole gradient against the reference.
    pub fn check(&self, loss: f32, grad: &[f32]) -> Result<(), String> {
        if grad.len() != self.scores.len() {
            return Err(format!("a gradient of {} elements, expected {}", grad.len(), self.scores.len()));
        }
        let limit = SLACK * (2e-6 + 1e-5 * self.loss.abs());
        if !is_within(loss, self.loss, limit) {
            return Err(format!("a loss of {loss}, expected {}", self.loss));
        }
        let largest = self.expected.grad.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        for (at, (got, want)) in grad.iter().zip(self.expected.grad.iter().cycle()).enumerate() {
            let limit = SLACK * (2e-5 * want.abs() + 1e-6 * largest);
            if !is_within(*got, *want, limit) {
                let (row, class) = (at / self.classes, at % self.classes);
                return Err(format!("row {row}, class {class}: a gradient of {got}, expected {want}"));
            }
        }
        Ok(())
    }
}

/// NaN never is.
fn is_within(got: f32, want: f64, limit: f64) -> bool {
    (f64::from(got) - want).abs() <= limit
}

/// Sebastiano Vigna's SplitMix64.
struct Random(u64);

impl Random {
    /// A number in [0, 1).
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_loss_or_gradient_is_told() {
        let batch = Batch::random(30_000, 7).unwrap();
        assert_eq!((batch.rows, batch.scores.len()), (4285, 29_995));
        let mut grad: Vec<f32> = batch.expected.grad.iter().cycle().take(29_995).map(|g| *g as f32).collect();
        batch.check(batch.loss as f32, &grad).unwrap();
        assert!(batch.check(batch.loss as f32 * 1.001, &grad).unwrap_err().contains("a loss of"));
        assert!(batch.check(f32::NAN, &grad).is_err());
        grad[29_994] = 0.0;
        assert!(batch.check(batch.loss as f32, &grad).unwrap_err().contains("row 4284, class 6"));
        assert!(batch.check(batch.loss as f32, &grad[1..]).is_err());
    }
}
