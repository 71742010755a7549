//! Training a network, its losses and the gradients of its scores computed on the GPU.

use std::time::{Duration, Instant};

use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, GpuLoss, reference};
use ndarray::{Array2, ArrayView2, Axis, Zip};

use super::data::{Digits, PIXELS};
use super::model::Network;
use super::random::Random;
use super::task::Task;
use crate::Result;

/// Rows of a batch; the last one of an epoch may have fewer.
const BATCH: usize = 32;

/// What one pass over the training pictures came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Epoch {
    /// The mean of the losses of its pictures.
    pub(super) loss: f64,
    /// On the test pictures after it, in percent.
    pub(super) accuracy: f64,
    pub(super) off: Off,
}

/// How far the GPU was from the float64 reference, at worst, over every batch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Off {
    /// Of a loss or of an element of a gradient.
    pub(super) absolute: f64,
    /// As a share of what the library promises.
    pub(super) share: f64,
}

impl Off {
    /// Whether the promise is kept.
    pub(super) fn kept(self) -> bool {
        self.share <= 1.0
    }

    pub(super) fn worse(self, other: Off) -> Off {
        Off { absolute: self.absolute.max(other.absolute), share: self.share.max(other.share) }
    }
}

impl std::fmt::Display for Off {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1e} ({:>2.0} %)", self.absolute, 100.0 * self.share)
    }
}

/// A training from its first epoch to its last.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) task: Task,
    pub(super) epochs: Vec<Epoch>,
    pub(super) time: Duration,
}

impl Course {
    /// The last epoch; that of an untrained network if there was none.
    pub(super) fn last(&self) -> Epoch {
        self.epochs.last().copied().unwrap_or_default()
    }

    pub(super) fn off(&self) -> Off {
        self.epochs.iter().fold(Off::default(), |off, epoch| off.worse(epoch.off))
    }
}

/// How many batches training takes.
pub(super) fn batches(train: &Digits, epochs: usize) -> usize {
    epochs * train.len().div_ceil(BATCH)
}

/// Trains a network from scratch; `on_batch` hears of every batch, `on_epoch` of every epoch.
pub(super) fn train(
    gpu: &GpuLoss,
    task: Task,
    (train, test): (&Digits, &Digits),
    epochs: usize,
    on_batch: impl Fn(),
    mut on_epoch: impl FnMut(usize, &Epoch),
) -> Result<Course> {
    let start = Instant::now();
    let spec = task.spec();
    let mut random = Random::new(42);
    let mut network = Network::new(PIXELS, task.classes(), &mut random);
    let mut course = Course { task, epochs: Vec::with_capacity(epochs), time: Duration::ZERO };
    for number in 1..=epochs {
        let mut epoch = Epoch::default();
        for places in random.order(train.len()).chunks(BATCH) {
            let batch = train.select(places);
            let activations = network.activations(&batch.pixels.view());
            let step = judge(gpu, &spec, task, &network.scores(&activations), &batch.digits)?;
            network.learn(&batch.pixels.view(), &activations, &step.grad);
            epoch.loss += f64::from(step.loss) * batch.len() as f64 / train.len() as f64;
            epoch.off = epoch.off.worse(step.off);
            on_batch();
        }
        let scores = network.scores(&network.activations(&test.pixels.view()));
        epoch.accuracy = task.accuracy(&scores.view(), &test.digits);
        on_epoch(number, &epoch);
        course.epochs.push(epoch);
    }
    course.time = start.elapsed();
    Ok(course)
}

/// What the GPU says of a batch's scores.
struct Step {
    loss: f32,
    /// With respect to the scores.
    grad: Array2<f32>,
    off: Off,
}

fn judge(gpu: &GpuLoss, spec: &Spec, task: Task, scores: &Array2<f32>, digits: &[usize]) -> Result<Step> {
    let targets = task.targets(digits);
    // `ce` and `bce` take probabilities: the network makes them itself.
    let inputs = match task.kind {
        Kind::Ce => softmax(scores),
        Kind::Bce => scores.mapv(|x| 1.0 / (1.0 + (-x).exp())),
        _ => scores.clone(),
    };
    let batch = Batch::new(inputs.view(), targets.view());
    let output = gpu.run(spec, &batch)?;
    let difference = reference::compare(&output, &reference::run(spec, &batch)?);
    let grad = output.gradient()?.clone();
    let grad = match task.kind {
        Kind::Ce => behind_softmax(&inputs.view(), grad),
        Kind::Bce => grad * inputs.mapv(|z| z * (1.0 - z)),
        _ => grad,
    };
    let off = Off { absolute: difference.loss_absolute.max(difference.grad_absolute), share: difference.worst() };
    Ok(Step { loss: output.loss, grad, off })
}

/// `z_j = exp(x_j) / Σ_k exp(x_k)`, row by row.
fn softmax(scores: &Array2<f32>) -> Array2<f32> {
    let mut z = scores.clone();
    for mut row in z.outer_iter_mut() {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.mapv_inplace(|x| (x - highest).exp());
        let sum = row.sum();
        row.mapv_inplace(|x| x / sum);
    }
    z
}

/// The gradient of the scores from that of their softmax `z`: `z_j·(g_j − Σ_k g_k·z_k)`.
fn behind_softmax(z: &ArrayView2<'_, f32>, grad: Array2<f32>) -> Array2<f32> {
    let means = (&grad * z).sum_axis(Axis(1)).insert_axis(Axis(1));
    let mut behind = grad - &means;
    Zip::from(&mut behind).and(z).for_each(|g, z| *g *= z);
    behind
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_gradient_behind_a_softmax_is_its_slope() {
        let scores = array![[0.3_f32, -1.2, 0.8], [2.0, 0.1, -0.4]];
        let grad = array![[1.0_f32, -2.0, 0.5], [0.2, 0.7, -1.5]];
        let value = |scores: &Array2<f32>| (softmax(scores) * &grad).mapv(f64::from).sum();
        let behind = behind_softmax(&softmax(&scores).view(), grad.clone());
        for ((row, class), slope) in behind.indexed_iter() {
            let moved = |by: f32| {
                let mut scores = scores.clone();
                scores[[row, class]] += by;
                value(&scores)
            };
            let measured = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!((measured - f64::from(*slope)).abs() < 1e-3, "{row}, {class}: {slope}, measured {measured}");
        }
    }
}
