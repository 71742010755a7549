//! Random linear batches, and how near a result has to be.

use gpu_loss::GpuLoss;
use gpu_loss::batch::Element;
use gpu_loss::linear::{LinearBatch, LinearCe, LinearOutput};
use gpu_loss::reference::{LinearReference, run_linear};
use ndarray::{Array1, Array2};

/// Numbers in −1..1 from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (((self.next() + 1.0) / 2.0 * end as f32) as usize).min(end - 1)
    }

    pub(crate) fn matrix<T>(&mut self, rows: usize, columns: usize, rounded: impl Fn(f32) -> T) -> Array2<T> {
        Array2::from_shape_fn((rows, columns), |_| rounded(self.next()))
    }
}

/// The arrays of a batch.
pub(crate) struct Arrays<T> {
    pub(crate) hidden: Array2<T>,
    pub(crate) weight: Array2<T>,
    pub(crate) bias: Option<Array1<T>>,
    pub(crate) labels: Vec<i64>,
    pub(crate) upstream: Option<Array1<f32>>,
}

impl<T: Element> Arrays<T> {
    /// Of these dimensions; every fifth row's label is −100 where rows are ignored.
    pub(crate) fn new(
        random: &mut Random,
        (rows, hidden, classes): (usize, usize, usize),
        ignores: bool,
        rounded: impl Fn(f32) -> T,
    ) -> Self {
        let label = |row: usize, random: &mut Random| match ignores && row % 5 == 2 {
            true => -100,
            false => random.below(classes) as i64,
        };
        Arrays {
            labels: (0..rows).map(|row| label(row, random)).collect(),
            hidden: random.matrix(rows, hidden, &rounded),
            weight: random.matrix(classes, hidden, &rounded),
            bias: None,
            upstream: None,
        }
    }

    pub(crate) fn batch(&self) -> LinearBatch<'_, T> {
        let mut batch = LinearBatch::new(&self.hidden, &self.weight, &self.labels);
        batch.bias = self.bias.as_ref().map(|array| array.view());
        batch.upstream = self.upstream.as_ref().map(|array| array.view());
        batch
    }
}

/// Holds a result against what it must be: every number within `limit` of it.
pub(crate) fn near<'a>(
    what: &str,
    got: impl IntoIterator<Item = f64>,
    want: impl IntoIterator<Item = &'a f64>,
    limit: impl Fn(f64) -> f64,
) {
    let (got, want): (Vec<f64>, Vec<&f64>) = (got.into_iter().collect(), want.into_iter().collect());
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        let same = got == want || got.is_nan() && want.is_nan();
        let within = (got - want).abs().partial_cmp(&limit(*want)).is_some_and(std::cmp::Ordering::is_le);
        assert!(same || within, "{what} at {at} is {got}, expected {want} ± {}", limit(*want));
    }
}

/// The promise for losses.
pub(crate) fn loss_limit(want: f64) -> f64 {
    2e-6 + 1e-5 * want.abs()
}

/// The promise for products: relative to the largest.
pub(crate) fn product_limit<'a>(want: impl IntoIterator<Item = &'a f64>, ratio: f64) -> impl Fn(f64) -> f64 {
    let largest = want.into_iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    move |_| ratio * largest + 1e-30
}

/// Holds all results against the reference.
pub(crate) fn check<T: Element>(what: &str, out: &LinearOutput<T>, want: &LinearReference) {
    let wide = |values: &Array1<f32>| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    near(&format!("{what}: loss"), [f64::from(out.loss)], [&want.loss], loss_limit);
    near(&format!("{what}: losses"), wide(&out.losses), &want.losses, loss_limit);
    if let Some(lse) = &out.lse {
        near(&format!("{what}: lse"), wide(lse), &want.lse, loss_limit);
    }
    if let Some(log_probs) = &out.log_probs {
        near(&format!("{what}: log_probs"), wide(log_probs), &want.log_probs, loss_limit);
    }
    if let Some(correct) = out.correct {
        assert_eq!(correct, want.correct, "{what}: correct");
    }
    if let Some(argmax) = &out.argmax {
        assert!(argmax.iter().eq(want.argmax.iter()), "{what}: argmax {argmax} {}", want.argmax);
    }
    let rounding = match T::DTYPE {
        gpu_loss::Dtype::F32 => 5e-5,
        gpu_loss::Dtype::F16 => 1e-3,
        gpu_loss::Dtype::Bf16 => 4e-3,
    };
    if let Some(grad) = &out.grad_hidden {
        let got = grad.iter().map(|v| v.to_f64());
        near(&format!("{what}: grad_hidden"), got, &want.grad_hidden, product_limit(&want.grad_hidden, rounding));
    }
    if let Some(grad) = &out.grad_weight {
        let got = grad.iter().map(|v| f64::from(*v));
        near(&format!("{what}: grad_weight"), got, &want.grad_weight, product_limit(&want.grad_weight, 5e-5));
    }
    if let Some(grad) = &out.grad_bias {
        near(&format!("{what}: grad_bias"), wide(grad), &want.grad_bias, product_limit(&want.grad_bias, 5e-5));
    }
}

/// Runs a batch, with its gradients and without, and holds both against the reference.
pub(crate) fn run_both<T: Element>(gpu: &GpuLoss, what: &str, loss: &LinearCe, batch: &LinearBatch<'_, T>) {
    let want = run_linear(loss, batch).expect("a batch with a meaning");
    let all = batch.clone().with_lse().with_argmax().with_correct();
    check(what, &gpu.linear_ce(loss, &all).expect("trains"), &want);
    let alone = all.loss_only().with_log_probs();
    check(&format!("{what}, evaluated"), &gpu.linear_ce(loss, &alone).expect("evaluates"), &want);
}
