//! Random configurations against the float64 reference, and where Burn's own loss has them too, against that.

use burn::nn::loss::CrossEntropyLossConfig as BurnsConfig;
use burn::tensor::{DType, Int, Tensor, TensorData};
use gpu_loss::loss::Loss;
use gpu_loss::reference::Reference;
use gpu_loss::{Batch, Reduction as Reduce, SoftmaxCe, reference};
use gpu_loss_burn::{CrossEntropyLossConfig, Reduction};
use ndarray::{ArrayD, IxDyn};

use crate::common::{Numbers, alone, device, floats, keeps, tensor};

/// How the loss is used.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    Once,
    /// Beside losses of the same logits that nobody uses.
    BesideUnused,
    /// By two parts of what is differentiated.
    Twice,
    /// In two steps, whose gradients add up.
    InTwoSteps,
}

/// One random configuration.
#[derive(Debug)]
struct Case {
    /// `[N, C, D]`.
    shape: [usize; 3],
    dtype: DType,
    integers: DType,
    config: CrossEntropyLossConfig,
    /// The same for the reference, which knows one pad token.
    spec: SoftmaxCe,
    view: usize,
    /// Whether someone else holds the logits.
    kept: bool,
    /// Whether the logits are `[N, C]`.
    flat: bool,
    used: Use,
    /// Whether Burn's own loss has all of it.
    burns: bool,
}

/// Its numbers.
struct Data {
    values: Vec<f32>,
    labels: Vec<i64>,
    /// What arrives at the loss (or losses) backward: 1, or what a loss scale (or weights of rows) makes of it.
    upstream: Vec<f32>,
}

impl Case {
    fn new(r: &mut Numbers) -> Self {
        let device = device();
        let burns = r.one_in(2);
        let most = if r.one_in(4) { 70 } else { 9 };
        let n = 1 + r.below(most);
        let classes = match r.below(4) {
            0 => 1 + r.below(4),
            1 => 1 + r.below(3000),
            _ => 1 + r.below(200),
        };
        let inner = if r.one_in(4) && !burns { 1 + r.below(5) } else { 1 };
        let half = if r.one_in(2) && device.supports_dtype(DType::BF16) { DType::BF16 } else { DType::F16 };
        let dtype = if r.one_in(4) && !burns { half } else { DType::F32 };
        let integers = [DType::I32, DType::I64, DType::U32][r.below(3)];
        let integers = if device.supports_dtype(integers) { integers } else { DType::I32 };
        let options = burns_options(r, classes);
        let (config, spec) = if burns { options } else { other_options(r, classes, options) };
        Case {
            shape: [n, classes, inner],
            dtype,
            integers,
            config,
            spec,
            view: r.below(4),
            kept: r.one_in(2),
            flat: inner == 1 && (burns || r.one_in(2)),
            used: [Use::Once, Use::BesideUnused, Use::Twice, Use::InTwoSteps][r.below(4)],
            burns,
        }
    }

    fn rows(&self) -> usize {
        self.shape[0] * self.shape[2]
    }

    fn each(&self) -> bool {
        self.config.reduction == Reduction::None
    }

    fn data(&self, r: &mut Numbers) -> Data {
        let classes = self.shape[1];
        let upstream = if self.each() {
            (0..self.rows()).map(|_| r.unit() * 2.0 - 0.5).collect()
        } else {
            vec![[1.0, 3.5][r.below(2)]]
        };
        Data {
            values: r.scores(self.rows() * classes),
            labels: (0..self.rows()).map(|_| r.below(classes) as i64).collect(),
            upstream,
        }
    }

    /// Losses and gradient in float64, of the scores as the device has them.
    fn expected(&self, data: &Data) -> Reference {
        let [n, _, inner] = self.shape;
        let stored = floats(tensor(&data.values, [data.values.len()], self.dtype, &device()));
        let scores = ArrayD::from_shape_vec(IxDyn(&self.shape), stored).expect("a shape");
        let pads = self.config.pad_tokens.clone().unwrap_or_default();
        let one_pad = |label: &i64| if pads.contains(&(*label as usize)) { pads[0] as i64 } else { *label };
        let labels = data.labels.iter().map(one_pad).collect();
        let targets = ArrayD::from_shape_vec(IxDyn(&[n, inner]), labels).expect("a shape");
        let upstream = ArrayD::from_shape_vec(IxDyn(&[n, inner]), data.upstream.clone()).ok();
        let mut batch = Batch::new(scores.view(), &targets);
        if self.each() {
            batch.upstream = Some(upstream.as_ref().expect("one a row").view());
        }
        let mut expected = reference::run(&self.spec.spec(), &batch).expect("a reference");
        if !self.each() {
            expected.grad.mapv_inplace(|g| g * f64::from(data.upstream[0]));
        }
        if self.used == Use::InTwoSteps {
            expected.grad.mapv_inplace(|g| g * 2.0);
        }
        expected
    }

    /// Losses and gradient on the device, by the loss that this computes of logits and labels.
    fn run(
        &self,
        what: &str,
        data: &Data,
        loss: &dyn Fn(Tensor<3>, Tensor<2, Int>) -> Tensor<1>,
    ) -> (Vec<f32>, Vec<f32>) {
        let device = device();
        let [n, _, inner] = self.shape;
        let leaf = tensor(&data.values, self.shape, self.dtype, &device).require_grad();
        let labels: Tensor<2, Int> =
            Tensor::from_data(TensorData::new(data.labels.clone(), [n, inner]), (&device, self.integers));
        let upstream = Tensor::<1>::from_floats(data.upstream.as_slice(), &device);
        let step = || {
            let seen = see(leaf.clone(), self.view);
            let held = self.kept.then(|| seen.clone());
            let beside = (self.used == Use::BesideUnused).then(|| {
                drop(loss(seen.clone(), labels.clone()));
                loss(seen.clone(), labels.clone())
            });
            let losses = loss(seen, labels.clone());
            let weighted = losses.clone() * upstream.clone();
            let sum = match self.used {
                Use::Twice => (weighted.clone() * 0.25).sum() + (weighted * 0.75).sum(),
                _ => weighted.sum(),
            };
            let grads = sum.backward();
            let grad = leaf.grad(&grads).expect("a gradient");
            assert_eq!(grad.dtype(), self.dtype, "{what}");
            if let Some(held) = held {
                let (held, values) = (floats(held), floats(leaf.clone()));
                assert!(held.iter().zip(&values).all(|(a, b)| a == b), "{what}: logits that were kept have changed");
            }
            if let Some(beside) = beside {
                assert_eq!(bits(&floats(beside)), bits(&floats(losses.clone())), "{what}: an unused loss differs");
            }
            (floats(losses), grad)
        };
        let (losses, grad) = step();
        let grad = if self.used == Use::InTwoSteps { grad + step().1 } else { grad };
        (losses, floats(grad))
    }

    fn fused(&self, what: &str, data: &Data) -> (Vec<f32>, Vec<f32>) {
        let loss = self.config.init(&device());
        let [n, classes, _] = self.shape;
        self.run(what, data, &|logits, labels| {
            if self.flat {
                loss.forward(logits.reshape([n, classes]), labels.reshape([n]))
            } else {
                loss.forward(logits, labels)
            }
        })
    }

    fn of_burn(&self, what: &str, data: &Data) -> (Vec<f32>, Vec<f32>) {
        let loss = BurnsConfig::new()
            .with_pad_tokens(self.config.pad_tokens.clone())
            .with_weights(self.config.weights.clone())
            .with_smoothing(self.config.smoothing)
            .init(&device());
        let [n, classes, _] = self.shape;
        self.run(what, data, &|logits, labels| loss.forward(logits.reshape([n, classes]), labels.reshape([n])))
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Those that Burn's own loss has.
fn burns_options(r: &mut Numbers, classes: usize) -> (CrossEntropyLossConfig, SoftmaxCe) {
    let (mut config, mut spec) = (CrossEntropyLossConfig::new(), SoftmaxCe::default());
    if r.one_in(3) {
        let pads: Vec<usize> = (0..1 + r.below(3)).map(|_| r.below(classes)).collect();
        spec = spec.ignore_index(pads[0] as i64);
        config = config.with_pad_tokens(Some(pads));
    }
    if r.one_in(3) {
        let smoothing = r.unit();
        (config, spec) = (config.with_smoothing(Some(smoothing)), spec.label_smoothing(smoothing));
    }
    if r.one_in(3) {
        let weights: Vec<f32> = (0..classes).map(|_| 0.1 + 2.0 * r.unit()).collect();
        (config, spec) = (config.with_weights(Some(weights.clone())), spec.class_weights(weights));
    }
    (config, spec)
}

/// Those that it has not.
fn other_options(
    r: &mut Numbers,
    classes: usize,
    (mut config, mut spec): (CrossEntropyLossConfig, SoftmaxCe),
) -> (CrossEntropyLossConfig, SoftmaxCe) {
    if r.one_in(4) {
        (config, spec) = (config.with_z_loss(1e-2), spec.z_loss(1e-2));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_softcap(Some(15.0)), spec.softcap(15.0));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_logit_scale(0.5), spec.logit_scale(0.5));
    }
    if r.one_in(4) {
        let bias: Vec<f32> = (0..classes).map(|_| 2.0 * r.unit() - 1.0).collect();
        (config, spec) = (config.with_class_bias(Some(bias.clone())), spec.class_bias(bias));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_entropy_coefficient(0.1), spec.entropy_coefficient(0.1));
    }
    let (reduction, reduce) = [
        (Reduction::Mean, Reduce::Mean),
        (Reduction::Sum, Reduce::Sum),
        (Reduction::BatchMean, Reduce::BatchMean),
        (Reduction::None, Reduce::None),
    ][r.below(4)];
    (config.with_reduction(reduction), spec.reduction(reduce))
}

/// The same values, lying otherwise in memory.
fn see(scores: Tensor<3>, view: usize) -> Tensor<3> {
    match view {
        // A buffer of its own, which nobody else holds.
        0 => scores * 1.0,
        // Transposed twice, the first time in memory.
        1 => {
            let turned = scores.swap_dims(0, 1) * 1.0;
            turned.swap_dims(0, 1)
        }
        // Rows between others.
        2 => {
            let ([n, classes, inner], scores_type) = (scores.dims(), scores.dtype());
            let both = Tensor::cat(
                vec![scores.clone() + 1.0, scores, Tensor::ones([n, 1, inner], (&device(), scores_type))],
                1,
            );
            both.slice([0..n, classes..2 * classes, 0..inner])
        }
        // The leaf itself.
        _ => scores,
    }
}

/// Whether Burn's own loss and gradient come near. It has neither the kernels' accuracy nor their gradient of 0 where
/// there are pad tokens only.
fn comes_near(what: &str, (loss, grad): &(Vec<f32>, Vec<f32>), (burns_loss, burns_grad): &(Vec<f32>, Vec<f32>)) {
    let (loss, burns_loss) = (loss[0], burns_loss[0]);
    if loss.is_nan() {
        assert!(burns_loss.is_nan() && grad.iter().all(|g| *g == 0.0), "{what}: Burn's own loss is {burns_loss}");
        return;
    }
    assert!((loss - burns_loss).abs() <= 1e-5 * burns_loss.abs() + 1e-5, "{what}: {loss}, Burn's own {burns_loss}");
    let largest = grad.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
    for (at, (got, burns)) in grad.iter().zip(burns_grad).enumerate() {
        let limit = 1e-4 * burns.abs() + 1e-5 * largest + 1e-6;
        assert!((got - burns).abs() <= limit, "{what}: gradient {at} is {got}, Burn's own {burns}");
    }
}

/// Tells whether Burn's own loss was compared as well.
fn one(seed: u64) -> bool {
    let mut r = Numbers::new(seed);
    let case = Case::new(&mut r);
    let data = case.data(&mut r);
    let what = format!("seed {seed}: {case:?}");
    let expected = case.expected(&data);
    let fused = case.fused(&what, &data);
    let most = data.upstream.iter().fold(0.0_f32, |most, u| most.max(u.abs()));
    let scale = most * if case.config.reduction == Reduction::Mean { 2.0 / case.rows() as f32 } else { 2.0 };
    let steps = if case.used == Use::InTwoSteps { 2.0 } else { 1.0 };
    let scale = f64::from(scale).max(1e-3) * steps;
    keeps(&what, &fused.0, &fused.1, &expected, !case.each(), case.dtype, scale);
    if case.burns {
        comes_near(&what, &fused, &case.of_burn(&what, &data));
    }
    case.burns
}

#[test]
fn two_hundred_random_configurations_keep_the_promise() {
    // Every kernel is tested here anyway: without its own test before its first use, they are built in half the time.
    if !alone("random::two_hundred_random_configurations_keep_the_promise", ("GPU_LOSS_SELF_TEST", "0")) {
        return;
    }
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => drop(one(seed)),
        None => {
            let burns = (0..200).filter(|seed| one(*seed)).count();
            println!("200 configurations against float64, {burns} of them against Burn's own loss too");
            assert!(burns >= 70, "Burn's own loss has {burns} of them");
        }
    }
    gpu_loss_burn::check(&device()).expect("no complaint");
}
