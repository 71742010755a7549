//! A linear layer and its loss in one: against float64 and against Burn's own layer and loss.

use burn::nn::loss::CrossEntropyLossConfig as BurnsConfig;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use gpu_loss::linear::{LinearBatch, LinearCe};
use gpu_loss::reference::LinearReference;
use gpu_loss::{Reduction as Reduce, SoftmaxCe, reference};
use gpu_loss_burn::{CrossEntropyLossConfig, Reduction, linear_cross_entropy};
use ndarray::{Array1, Array2};

use crate::common::{Numbers, alone, device, floats, tensor};
use crate::devices::{another, composing};

/// The label whose rows count for nothing.
const IGNORED: i64 = -100;

/// Hidden states `[N, H]`, weights `[H, V]`, a bias and labels, on the host.
struct Host {
    hidden: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    labels: Vec<i64>,
    shape: [usize; 3],
}

impl Host {
    fn new(r: &mut Numbers, shape: [usize; 3]) -> Self {
        let [n, h, v] = shape;
        let mut even = |count: usize, most: f32| (0..count).map(|_| (2.0 * r.unit() - 1.0) * most).collect::<Vec<_>>();
        let (hidden, weight, bias) = (even(n * h, 2.0), even(h * v, 1.5), even(v, 1.0));
        let labels = (0..n).map(|_| r.below(v) as i64).collect();
        Host { hidden, weight, bias, labels, shape }
    }

    /// The weights as `[V, H]`.
    fn across(&self) -> Vec<f32> {
        let [_, h, v] = self.shape;
        (0..v).flat_map(|class| (0..h).map(move |at| self.weight[at * v + class])).collect()
    }

    fn labels(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(self.labels.clone(), [self.labels.len()]), (device, DType::I32))
    }
}

/// Within this part of the largest of its matrix.
fn near(what: &str, got: &[f32], want: impl IntoIterator<Item = f64>, part: f64) {
    let want: Vec<f64> = want.into_iter().collect();
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    for (at, (got, want)) in got.iter().zip(&want).enumerate() {
        let apart = (f64::from(*got) - want).abs();
        assert!(apart <= part * largest + 1e-9, "{what}: {at} is {got}, expected {want}");
    }
}

/// One random configuration.
#[derive(Debug)]
struct Case {
    shape: [usize; 3],
    bias: bool,
    config: CrossEntropyLossConfig,
    spec: SoftmaxCe,
    /// What needs no gradient: 1 the hidden states, 2 the weights, 3 the bias.
    frozen: usize,
    /// Whether hidden states have three dimensions.
    deep: bool,
    /// Whether weights are those of an embedding, transposed.
    tied: bool,
}

impl Case {
    fn new(r: &mut Numbers) -> Self {
        let (most_rows, most_classes) = (if r.one_in(4) { 150 } else { 20 }, if r.one_in(4) { 700 } else { 60 });
        let (n, h, v) = (1 + r.below(most_rows), 1 + r.below(33), 1 + r.below(most_classes));
        let (config, spec) = options(r, v);
        // From a row at a time to all at once.
        let rows = [1, 1 + r.below(n), 64, n][r.below(4)];
        let config = config.with_memory((rows * v * 4) as u64);
        let (bias, frozen, deep, tied) = (r.one_in(2), r.below(5), r.one_in(3), r.one_in(3));
        Case { shape: [n, h, v], bias, config, spec, frozen, deep, tied }
    }

    fn each(&self) -> bool {
        self.config.reduction == Reduction::None
    }

    fn expected(&self, host: &Host, upstream: &[f32]) -> LinearReference {
        let [n, h, v] = self.shape;
        let hidden = Array2::from_shape_vec((n, h), host.hidden.clone()).expect("a shape");
        let weight = Array2::from_shape_vec((v, h), host.across()).expect("a shape");
        let (bias, upstream) = (Array1::from(host.bias.clone()), Array1::from(upstream.to_vec()));
        let mut batch = LinearBatch::new(&hidden, &weight, &host.labels);
        if self.bias {
            batch = batch.bias(&bias);
        }
        if self.each() {
            batch.upstream = Some(upstream.view());
        }
        reference::run_linear(&LinearCe::from(self.spec.clone()), &batch).expect("a reference")
    }

    /// Losses, and the gradients of hidden states, weights and bias that there are.
    fn run(&self, host: &Host, upstream: &[f32]) -> (Vec<f32>, [Option<Vec<f32>>; 3]) {
        let device = device();
        let [n, h, v] = self.shape;
        let leaf = |tensor: Tensor<2>, frozen: bool| if frozen { tensor } else { tensor.require_grad() };
        let of_hidden = leaf(tensor(&host.hidden, [n, h], DType::F32, &device), self.frozen == 1);
        let (values, shape) = if self.tied { (host.across(), [v, h]) } else { (host.weight.clone(), [h, v]) };
        let of_weight = leaf(tensor(&values, shape, DType::F32, &device), self.frozen == 2);
        let of_bias = self.bias.then(|| tensor(&host.bias, [v], DType::F32, &device));
        let of_bias = of_bias.map(|bias| if self.frozen == 3 { bias } else { bias.require_grad() });
        let layer = if self.tied { of_weight.clone().transpose() } else { of_weight.clone() };
        let (loss, labels) = (self.config.init(&device), host.labels(&device));
        let losses = if self.deep {
            let hidden = of_hidden.clone().reshape([1, n, h]);
            linear_cross_entropy(hidden, layer, of_bias.clone(), labels.reshape([1, n]), &loss)
        } else {
            linear_cross_entropy(of_hidden.clone(), layer, of_bias.clone(), labels, &loss)
        }
        .expect("a loss");
        let grads = (losses.clone() * Tensor::<1>::from_floats(upstream, &device)).sum().backward();
        let of_bias = of_bias.and_then(|bias| bias.grad(&grads)).map(floats);
        (floats(losses), [of_hidden.grad(&grads).map(floats), of_weight.grad(&grads).map(floats), of_bias])
    }
}

fn options(r: &mut Numbers, v: usize) -> (CrossEntropyLossConfig, SoftmaxCe) {
    let (mut config, mut spec) = (CrossEntropyLossConfig::new(), SoftmaxCe::default());
    if r.one_in(2) {
        (config, spec) = (config.with_ignore_index(Some(IGNORED)), spec.ignore_index(IGNORED));
    }
    if r.one_in(3) {
        let smoothing = r.unit();
        (config, spec) = (config.with_smoothing(Some(smoothing)), spec.label_smoothing(smoothing));
    }
    if r.one_in(3) {
        let weights: Vec<f32> = (0..v).map(|_| 0.1 + 2.0 * r.unit()).collect();
        (config, spec) = (config.with_weights(Some(weights.clone())), spec.class_weights(weights));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_z_loss(1e-2), spec.z_loss(1e-2));
    }
    if r.one_in(3) {
        (config, spec) = (config.with_softcap(Some(5.0)), spec.softcap(5.0));
    }
    if r.one_in(4) {
        (config, spec) = (config.with_logit_scale(0.5), spec.logit_scale(0.5));
    }
    if r.one_in(5) {
        // A denominator is the mean's.
        return (config.with_denominator(Some(7.0)), spec.denominator(7.0));
    }
    let (reduction, reduce) = [
        (Reduction::Mean, Reduce::Mean),
        (Reduction::Mean, Reduce::Mean),
        (Reduction::Sum, Reduce::Sum),
        (Reduction::BatchMean, Reduce::BatchMean),
        (Reduction::None, Reduce::None),
    ][r.below(5)];
    (config.with_reduction(reduction), spec.reduction(reduce))
}

/// One random configuration against float64.
fn one(seed: u64) {
    let mut r = Numbers::new(1_000 + seed);
    let case = Case::new(&mut r);
    let what = format!("seed {seed}: {case:?}");
    let mut host = Host::new(&mut r, case.shape);
    if case.config.ignore_index.is_some() {
        for label in &mut host.labels {
            if r.one_in(3) {
                *label = IGNORED;
            }
        }
    }
    let upstream: Vec<f32> = if case.each() {
        (0..case.shape[0]).map(|_| r.unit() * 2.0 - 0.5).collect()
    } else {
        vec![[1.0, 3.5][r.below(2)]]
    };
    let expected = case.expected(&host, &upstream);
    let (got, [of_hidden, of_weight, of_bias]) = case.run(&host, &upstream);

    let wanted: Vec<f64> = if case.each() { expected.losses.iter().copied().collect() } else { vec![expected.loss] };
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (at, (got, want)) in got.iter().zip(wanted).enumerate() {
        let (got, limit) = (f64::from(*got), 5e-6 + 1e-5 * want.abs());
        assert!((got - want).abs() <= limit || (got.is_nan() && want.is_nan()), "{what}: loss {at} {got}, not {want}");
    }
    assert_eq!(of_hidden.is_none(), case.frozen == 1, "{what}");
    assert_eq!(of_weight.is_none(), case.frozen == 2, "{what}");
    assert_eq!(of_bias.is_some(), case.bias && case.frozen != 3, "{what}");
    let scale = if case.each() { 1.0 } else { f64::from(upstream[0]) };
    let of_layer = if case.tied { expected.grad_weight.view() } else { expected.grad_weight.t() };
    for (name, got, want) in [
        ("hidden", of_hidden, expected.grad_hidden.iter().copied().collect::<Vec<_>>()),
        ("weight", of_weight, of_layer.iter().copied().collect()),
        ("bias", of_bias, expected.grad_bias.to_vec()),
    ] {
        if let Some(got) = got {
            near(&format!("{what}: {name}"), &got, want.into_iter().map(|value| value * scale), 5e-5);
        }
    }
}

#[test]
fn random_layers_keep_the_promise() {
    if !alone("linear::random_layers_keep_the_promise", ("GPU_LOSS_SELF_TEST", "0")) {
        return;
    }
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => one(seed),
        None => (0..60).for_each(one),
    }
    gpu_loss_burn::check(&device()).expect("no complaint");
}

/// Loss, and the gradients of hidden states, weights and bias.
type Step = (f32, [Vec<f32>; 3]);

fn step(
    host: &Host,
    device: &Device,
    of: impl Fn(Tensor<2>, Tensor<2>, Tensor<1>, Tensor<1, Int>) -> Tensor<1>,
) -> Step {
    let [n, h, v] = host.shape;
    let hidden = tensor(&host.hidden, [n, h], DType::F32, device).require_grad();
    let weight = tensor(&host.weight, [h, v], DType::F32, device).require_grad();
    let bias = tensor(&host.bias, [v], DType::F32, device).require_grad();
    let loss = of(hidden.clone() * 1.0, weight.clone(), bias.clone(), host.labels(device));
    let grads = loss.backward();
    let of_matrix = |leaf: &Tensor<2>| floats(leaf.grad(&grads).expect("a gradient"));
    let of_bias = floats(bias.grad(&grads).expect("a gradient"));
    (floats(loss)[0], [of_matrix(&hidden), of_matrix(&weight), of_bias])
}

fn in_one(host: &Host, device: &Device, rows: usize) -> Step {
    let memory = (rows * host.shape[2] * 4) as u64;
    let loss = CrossEntropyLossConfig::new().with_smoothing(Some(0.1)).with_memory(memory).init(device);
    step(host, device, |hidden, weight, bias, labels| {
        linear_cross_entropy(hidden, weight, Some(bias), labels, &loss).expect("a loss")
    })
}

fn alike(what: &str, got: &Step, want: &Step) {
    assert!((got.0 - want.0).abs() <= 1e-5 * want.0.abs(), "{what}: {}, expected {}", got.0, want.0);
    for (name, (got, want)) in ["hidden", "weight", "bias"].iter().zip(got.1.iter().zip(&want.1)) {
        near(&format!("{what}: {name}"), got, want.iter().map(|g| f64::from(*g)), 5e-5);
    }
}

#[test]
fn chunks_of_any_size_give_what_burns_layer_and_loss_give() {
    let (host, device) = (Host::new(&mut Numbers::new(3), [131, 20, 257]), device());
    let burns = step(&host, &device, |hidden, weight, bias, labels| {
        let loss = BurnsConfig::new().with_smoothing(Some(0.1)).init(&device);
        loss.forward(hidden.matmul(weight) + bias.unsqueeze::<2>(), labels)
    });
    for rows in [1, 7, 64, 66, 131] {
        alike(&format!("{rows} rows a chunk"), &in_one(&host, &device, rows), &burns);
    }
}

#[test]
fn halves_keep_their_digits_over_many_chunks() {
    let (host, device) = (Host::new(&mut Numbers::new(8), [200, 24, 150]), device());
    let rounded = |values: &[f32]| -> Vec<f32> { floats(tensor(values, [values.len()], DType::F16, &device)) };
    let exact =
        Host { hidden: rounded(&host.hidden), weight: rounded(&host.weight), bias: rounded(&host.bias), ..host };
    let want = in_one(&exact, &device, 200);
    let [n, h, v] = exact.shape;
    for rows in [1, 64, 200] {
        let loss =
            CrossEntropyLossConfig::new().with_smoothing(Some(0.1)).with_memory((rows * v * 2) as u64).init(&device);
        let hidden = tensor(&exact.hidden, [n, h], DType::F16, &device).require_grad();
        let weight = tensor(&exact.weight, [h, v], DType::F16, &device).require_grad();
        let bias = tensor(&exact.bias, [v], DType::F16, &device).require_grad();
        let labels = exact.labels(&device);
        let halves = linear_cross_entropy(hidden.clone(), weight.clone(), Some(bias.clone()), labels, &loss);
        let halves = halves.expect("a loss");
        // A loss scale keeps small gradients above what f16 can hold.
        let grads = (halves.clone() * 256.0).backward();
        let grad = |values: Vec<f32>| values.iter().map(|g| g / 256.0).collect::<Vec<_>>();
        assert!((floats(halves)[0] - want.0).abs() <= 2e-3 * want.0, "{rows} rows a chunk");
        for (name, got, want) in [
            ("hidden", grad(floats(hidden.grad(&grads).expect("a gradient"))), &want.1[0]),
            ("weight", grad(floats(weight.grad(&grads).expect("a gradient"))), &want.1[1]),
            ("bias", grad(floats(bias.grad(&grads).expect("a gradient"))), &want.1[2]),
        ] {
            // Logits of up to some tens have an error of 2⁻⁶ in f16, and so have probabilities.
            near(&format!("{rows} rows a chunk: {name}"), &got, want.iter().map(|g| f64::from(*g)), 2e-2);
        }
    }
}

#[test]
fn other_devices_compute_the_same() {
    let host = Host::new(&mut Numbers::new(4), [33, 12, 75]);
    let fused = in_one(&host, &device(), 8);
    alike("not shared", &in_one(&host, &composing(), 8), &fused);
    alike("CPU", &in_one(&host, &Device::flex().autodiff(), 8), &fused);
}

#[test]
fn an_evaluation_has_the_loss_of_training() {
    let (host, device) = (Host::new(&mut Numbers::new(5), [90, 16, 100]), device());
    let (trained, _) = in_one(&host, &device, 64);
    let plain = device.inner();
    let loss = CrossEntropyLossConfig::new().with_smoothing(Some(0.1)).with_memory(64 * 400).init(&plain);
    let evaluated = linear_cross_entropy(
        tensor(&host.hidden, [90, 16], DType::F32, &plain),
        tensor(&host.weight, [16, 100], DType::F32, &plain),
        Some(tensor(&host.bias, [100], DType::F32, &plain)),
        host.labels(&plain),
        &loss,
    );
    let evaluated = floats(evaluated.expect("a loss"))[0];
    assert!((evaluated - trained).abs() <= 1e-6 * trained, "{evaluated}, in training {trained}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let device = device();
    let zeros = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
    let labels = |count: usize| Tensor::<1, Int>::zeros([count], &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let refused = |hidden, weight, bias, labels, loss: &_, words: &[&str]| {
        let error = linear_cross_entropy::<2, 1>(hidden, weight, bias, labels, loss).expect_err("refused").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    refused(zeros([3, 4]), zeros([5, 7]), None, labels(3), &loss, &["hidden", "[4]", "[5]"]);
    refused(zeros([3, 4]), zeros([4, 7]), None, labels(2), &loss, &["targets", "[2]", "[3]"]);
    let bias = Some(Tensor::zeros([6], &device));
    refused(zeros([3, 4]), zeros([4, 7]), bias, labels(3), &loss, &["bias", "[6]", "[7]"]);
    let given = CrossEntropyLossConfig::new().with_logits(false).init(&device);
    refused(zeros([3, 4]), zeros([4, 7]), None, labels(3), &given, &["logits"]);
}

/// The logits take 32 MiB, those of a chunk 4.
#[test]
fn the_logits_of_the_whole_batch_never_exist() {
    if !alone("linear::the_logits_of_the_whole_batch_never_exist", ("GPU_LOSS_SELF_TEST", "0")) {
        return;
    }
    let (n, h, v, budget) = (1024, 64, 8192, 4 << 20);
    let host = Host::new(&mut Numbers::new(6), [n, h, v]);
    let reserved = |rows: usize| {
        let device = another();
        for _ in 0..2 {
            in_one(&host, &device.clone().autodiff(), rows);
        }
        device.memory_pool_usage().expect("a usage").bytes_reserved
    };
    let (chunks, whole) = (reserved(budget / (4 * v)), reserved(n));
    println!("reserved: {} MiB in 8 chunks, {} MiB with all logits", chunks >> 20, whole >> 20);
    // Hidden states, weights and bias, and for each its gradient and what the comparison's product by 1 makes.
    let results = 4 * (3 * n * h + 2 * h * v + 2 * v);
    let (budget, results, logits) = (budget as u64, results as u64, (4 * n * v) as u64);
    assert!(whole >= logits, "{whole} bytes cannot hold {logits}");
    assert!(
        chunks <= 3 * budget + results + (4 << 20),
        "{chunks} bytes, for a budget of {budget} and {results} beside"
    );
}
