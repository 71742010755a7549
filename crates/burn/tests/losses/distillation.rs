//! Distillation from a teacher's logits: against float64, and against a composition of Burn's own.

use burn::nn::loss::{KLDivLossConfig, Reduction as BurnsReduction};
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Tensor};
use gpu_loss::loss::{self, Distillation, Loss};
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Reduction as Reduce, Targets};
use gpu_loss_burn::{DistillationLossConfig, Divergence, Reduction};
use ndarray::{ArrayD, IxDyn};

use crate::common::{Numbers, alone, device, floats, keeps, tensor};
use crate::devices::composing;

const DIVERGENCES: [(Divergence, loss::Divergence); 3] = [
    (Divergence::ForwardKl, loss::Divergence::ForwardKl),
    (Divergence::ReverseKl, loss::Divergence::ReverseKl),
    (Divergence::JensenShannon, loss::Divergence::JensenShannon),
];

struct Case {
    shape: [usize; 3],
    student: Vec<f32>,
    teacher: Vec<f32>,
    /// Types of both.
    types: [DType; 2],
    config: DistillationLossConfig,
    spec: Distillation,
    upstream: Vec<f32>,
    kept: bool,
}

impl Case {
    fn new(r: &mut Numbers) -> Self {
        let shape = [1 + r.below(8), 1 + r.below(300), if r.one_in(3) { 1 + r.below(4) } else { 1 }];
        let count = shape.iter().product();
        let (divergence, theirs) = DIVERGENCES[r.below(3)];
        let (temperature, lambda, squared) = (0.5 + 3.0 * r.unit(), 0.1 + 0.8 * r.unit(), r.one_in(2));
        let (reduction, reduce) = [(Reduction::Mean, Reduce::Mean), (Reduction::None, Reduce::None)][r.below(2)];
        let config = DistillationLossConfig::new()
            .with_temperature(temperature)
            .with_divergence(divergence)
            .with_lambda(lambda)
            .with_times_temperature_squared(squared)
            .with_reduction(reduction);
        let spec = Distillation::default()
            .temperature(temperature)
            .divergence(theirs)
            .lambda(lambda)
            .times_temperature_squared(squared)
            .reduction(reduce);
        let rows = if reduction == Reduction::None { shape[0] * shape[2] } else { 1 };
        Case {
            shape,
            student: r.scores(count),
            teacher: r.scores(count),
            types: [0, 1].map(|_| if r.one_in(4) { DType::F16 } else { DType::F32 }),
            config,
            spec,
            upstream: (0..rows).map(|_| 0.5 + r.unit()).collect(),
            kept: r.one_in(2),
        }
    }

    fn expected(&self) -> Reference {
        let [n, _, inner] = self.shape;
        let stored = |values: &[f32], dtype| {
            let stored = floats(tensor(values, [values.len()], dtype, &device()));
            ArrayD::from_shape_vec(IxDyn(&self.shape), stored).expect("a shape")
        };
        let (student, teacher) = (stored(&self.student, self.types[0]), stored(&self.teacher, self.types[1]));
        let upstream = ArrayD::from_shape_vec(IxDyn(&[n, inner]), self.upstream.clone()).ok();
        let mut batch = Batch::new(student.view(), Targets::logits(&teacher));
        batch.upstream = upstream.as_ref().filter(|_| self.each()).map(|upstream| upstream.view());
        let mut expected = reference::run(&self.spec.spec(), &batch).expect("a reference");
        if !self.each() {
            expected.grad.mapv_inplace(|g| g * f64::from(self.upstream[0]));
        }
        expected
    }

    fn each(&self) -> bool {
        self.config.reduction == Reduction::None
    }

    fn run(&self, device: &Device) -> (Vec<f32>, Vec<f32>) {
        let leaf = tensor(&self.student, self.shape, self.types[0], device).require_grad();
        let teacher = tensor(&self.teacher, self.shape, self.types[1], device).require_grad();
        let logits = leaf.clone() * 1.0;
        let held = self.kept.then(|| logits.clone());
        let losses = self.config.init(device).forward(logits, teacher.clone());
        let upstream = Tensor::<1>::from_floats(self.upstream.as_slice(), device);
        let grads = (losses.clone() * upstream).sum().backward();
        assert!(teacher.grad(&grads).is_none(), "no gradient goes to the teacher");
        if let Some(held) = held {
            assert_eq!(floats(held), floats(leaf.clone()), "logits that were kept have changed");
        }
        (floats(losses), floats(leaf.grad(&grads).expect("a gradient")))
    }
}

fn one(seed: u64) {
    let case = Case::new(&mut Numbers::new(500 + seed));
    let expected = case.expected();
    let what = format!("seed {seed}: {:?} {:?} kept {} {:?}", case.shape, case.types, case.kept, case.config);
    let (losses, grad) = case.run(&device());
    // Terms of a reverse KL are logarithms of probabilities: some tens.
    keeps(&what, &losses, &grad, &expected, !case.each(), case.types[0], 50.0);
    if seed < 12 && case.types == [DType::F32; 2] {
        let (losses, grad) = case.run(&composing());
        let near = |got: &f32, want: f64| (f64::from(*got) - want).abs() <= 1e-4 * want.abs() + 2e-5;
        let wanted = if case.each() { expected.losses.iter().copied().collect() } else { vec![expected.loss] };
        assert!(losses.iter().zip(wanted).all(|(got, want)| near(got, want)), "{what}, composed: {losses:?}");
        assert!(grad.iter().zip(&expected.grad).all(|(got, want)| near(got, *want)), "{what}, composed");
    }
}

#[test]
fn random_teachers_keep_the_promise() {
    if !alone("distillation::random_teachers_keep_the_promise", ("GPU_LOSS_SELF_TEST", "0")) {
        return;
    }
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => one(seed),
        None => (0..40).for_each(one),
    }
    gpu_loss_burn::check(&device()).expect("no complaint");
}

#[test]
fn forward_kl_is_burns_kl_of_two_softmaxes() {
    let (device, mut r) = (device(), Numbers::new(9));
    let (student, teacher) = (r.scores(6 * 40), r.scores(6 * 40));
    let step = |fused: bool| {
        let leaf = tensor(&student, [6, 40], DType::F32, &device).require_grad();
        let teacher = tensor(&teacher, [6, 40], DType::F32, &device);
        let loss = if fused {
            DistillationLossConfig::new().with_temperature(2.0).init(&device).forward(leaf.clone(), teacher)
        } else {
            let (p, t) = (log_softmax(leaf.clone() / 2.0, 1), log_softmax(teacher / 2.0, 1));
            KLDivLossConfig::new().with_log_target(true).init().forward(p, t, BurnsReduction::BatchMean)
        };
        let grad = floats(leaf.grad(&loss.backward()).expect("a gradient"));
        (floats(loss)[0], grad)
    };
    let ((loss, grad), (burns, gradient)) = (step(true), step(false));
    assert!((loss - burns).abs() <= 1e-5 * burns, "{loss}, Burn's {burns}");
    for (got, burns) in grad.iter().zip(gradient) {
        assert!((got - burns).abs() <= 1e-4 * burns.abs() + 1e-6, "{got}, Burn's {burns}");
    }
}

#[test]
fn a_teacher_of_another_shape_is_refused() {
    let device = device();
    let zeros = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
    let loss = DistillationLossConfig::new().init(&device);
    let error = loss.try_forward(zeros([3, 4]), zeros([3, 5])).expect_err("5 classes").to_string();
    assert!(error.contains("teacher") && error.contains("[3, 5]") && error.contains("[3, 4]"), "{error}");
    let error = DistillationLossConfig::new().with_temperature(0.0).try_init(&device).expect_err("0").to_string();
    assert!(error.contains("temperature"), "{error}");
}
