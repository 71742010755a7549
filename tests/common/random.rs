//! Random batches from a seed: shapes, values and options that the kernels must get right.

use gpu_loss::batch::{MISSING_LABEL, TargetForm, bf16, f16};
use gpu_loss::loss::{Kind, OptionName, Spec};
use gpu_loss::{Dtype, Reduction};
use ndarray::{ArrayD, IxDyn};

use super::{Case, More, OwnedTargets, plain};

/// A small generator (splitmix64), so that a seed is a case for ever.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// About normal.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}

/// A batch of this loss.
pub fn case(seed: u64) -> Case {
    let mut r = Random(seed);
    let kind = if r.chance(4) { Kind::SoftmaxCe } else { r.pick(Kind::ALL) };
    let dtype = r.pick(&[Dtype::F32, Dtype::F32, Dtype::F16, Dtype::Bf16]);
    // Around vectors, subgroups and workgroups; odd and even; one class and many.
    let classes =
        r.pick(&[1, 2, 3, 4, 5, 7, 8, 10, 13, 16, 31, 32, 33, 63, 64, 65, 100, 127, 257, 1000, 1023, 1027, 2050]);
    let n = r.pick(&[1, 2, 3, 4, 5, 7, 8, 9, 17, 64, 65, 100]);
    let mut dims = vec![n, classes];
    if r.chance(4) {
        dims[1] = classes.min(65);
        dims.extend(r.pick(&[vec![1], vec![3], vec![4], vec![7, 7], vec![2, 2, 3], vec![8], vec![5]]));
    }
    let spec = options(&mut r, kind, dims[1]);
    let scores = scores(&mut r, kind, dtype, &dims);
    let (spec, targets) = targets(&mut r, spec, &dims);
    let row_dims: Vec<usize> = dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).collect();
    let loss_dims = if kind.per_row() { row_dims } else { dims.clone() };
    let upstream = (spec.reduction == Reduction::None && r.chance(2))
        .then(|| ArrayD::from_shape_simple_fn(IxDyn(&loss_dims), || r.normal()));
    let element_weights =
        (!kind.per_row() && r.chance(3)).then(|| ArrayD::from_shape_simple_fn(IxDyn(&dims), || 2.0 * r.unit()));
    let (spec, scores) = suited(spec, scores, dtype, &targets);
    let outputs = r.chance(3);
    let arrives = spec.reduction == Reduction::None && kind == Kind::SoftmaxCe && r.chance(3);
    let entropy_upstream = arrives.then(|| ArrayD::from_shape_simple_fn(IxDyn(&loss_dims), || r.normal()));
    let more = More { entropy_upstream, outputs };
    Case { name: format!("seed {seed}"), spec, scores, dtype, targets, element_weights, upstream, more }
}

/// Margins belong to classes, and to scores that are cosines; beside a bias, f32 rounds large scores.
fn suited(mut spec: Spec, scores: ArrayD<f32>, dtype: Dtype, targets: &OwnedTargets) -> (Spec, ArrayD<f32>) {
    if !matches!(targets, OwnedTargets::Classes(_)) {
        (spec.margin_multiplier, spec.margin_angle, spec.margin_cosine) = (1.0, 0.0, 0.0);
    }
    let (margin, bias) = (spec.has_margin(), spec.class_bias.is_some());
    let scores = scores.mapv(|x| match x.is_finite() {
        true if margin => (0.9 * x).sin(),
        true if bias => x % 32.0,
        _ => x,
    });
    (spec, rounded(scores, dtype))
}

fn options(r: &mut Random, kind: Kind, classes: usize) -> Spec {
    let mut spec = plain(kind);
    spec.reduction = r.pick(&[Reduction::Mean, Reduction::Mean, Reduction::Sum, Reduction::None, Reduction::BatchMean]);
    if spec.reduction == Reduction::Mean && r.chance(5) {
        spec.denominator = Some(0.5 + 20.0 * r.unit());
    }
    let weights = |r: &mut Random| (0..classes).map(|_| if r.chance(10) { 0.0 } else { 2.0 * r.unit() }).collect();
    for option in kind.options() {
        if !r.chance(3) {
            continue;
        }
        match option.samples() {
            [] if *option == OptionName::ClassBias => {
                option.set_weights(&mut spec, (0..classes).map(|_| r.normal()).collect())
            }
            [] => option.set_weights(&mut spec, weights(r)),
            samples => option.set(&mut spec, samples[r.below(samples.len())]),
        };
    }
    spec
}

fn scores(r: &mut Random, kind: Kind, dtype: Dtype, dims: &[usize]) -> ArrayD<f32> {
    let spread = r.pick(&[1.0, 3.0, 30.0]);
    // In 16 bits, scores near 1e4 are all alike: their gradients are nothing but cancellation.
    let shift = if dtype == Dtype::F32 { r.pick(&[0.0, 0.0, 1e4, -1e4]) } else { 0.0 };
    let masks = kind.is_softmax() && r.chance(4);
    let mut scores = ArrayD::from_shape_simple_fn(IxDyn(dims), || {
        if kind.takes_probabilities() {
            return match r.below(12) {
                0 => 0.0,
                1 => 1.0,
                _ => r.unit(),
            };
        }
        if masks && r.chance(6) {
            return f32::NEG_INFINITY;
        }
        r.normal() * spread + if kind.is_softmax() { shift } else { 0.0 }
    });
    if kind.is_softmax() && r.chance(10) {
        let at = r.below(scores.len());
        if let Some(score) = scores.iter_mut().nth(at) {
            *score = r.pick(&[f32::NAN, f32::INFINITY, -f32::NAN]);
        }
    }
    rounded(scores, dtype)
}

fn targets(r: &mut Random, mut spec: Spec, dims: &[usize]) -> (Spec, OwnedTargets) {
    let classes = dims[1];
    let rows: usize = dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).product();
    // Classes more often than others.
    let form = if r.chance(5) && spec.kind.targets().contains(&TargetForm::Classes) {
        TargetForm::Classes
    } else {
        r.pick(spec.kind.targets())
    };
    // Losses of elements take a temperature with a teacher only.
    if !spec.kind.per_row() && form != TargetForm::Logits {
        (spec.temperature, spec.times_temperature_squared) = (1.0, false);
    }
    let targets = match form {
        TargetForm::Classes => {
            let ignored = r.pick(&[None, Some(-100), Some(1), Some(255)]);
            spec.ignore_index = ignored;
            let row_dims: Vec<usize> = dims.iter().enumerate().filter(|(a, _)| *a != 1).map(|(_, d)| *d).collect();
            OwnedTargets::Classes(ArrayD::from_shape_simple_fn(IxDyn(&row_dims), || match ignored {
                Some(label) if r.chance(4) => label,
                _ => r.below(classes) as i64,
            }))
        }
        TargetForm::Lists => {
            let (mut offsets, mut indices) = (vec![0], vec![]);
            for _ in 0..rows {
                let one_in = r.pick(&[2, 5, 50]);
                indices.extend((0..classes as i64).filter(|_| r.chance(one_in)));
                offsets.push(indices.len() as i64);
            }
            OwnedTargets::Lists(offsets, indices)
        }
        TargetForm::MultiHot => {
            let one_in = r.pick(&[2, 5, 50]);
            let missing = !spec.kind.per_row() && r.chance(3);
            OwnedTargets::MultiHot(ArrayD::from_shape_simple_fn(IxDyn(dims), || match missing && r.chance(4) {
                true => MISSING_LABEL,
                false => u8::from(r.chance(one_in)),
            }))
        }
        TargetForm::Logits => {
            let masks = r.chance(4);
            let teacher = ArrayD::from_shape_simple_fn(IxDyn(dims), || match masks && r.chance(6) {
                true => f32::NEG_INFINITY,
                false => 3.0 * r.normal(),
            });
            match r.below(3) {
                0 => OwnedTargets::LogitsF16(teacher.mapv(f16::from_f32)),
                1 => OwnedTargets::LogitsBf16(teacher.mapv(bf16::from_f32)),
                _ => OwnedTargets::Logits(teacher),
            }
        }
        _ => {
            let scale = if spec.kind.per_row() { 2.0 / classes as f32 } else { 1.0 };
            OwnedTargets::Probabilities(ArrayD::from_shape_simple_fn(IxDyn(dims), || match r.below(8) {
                0 => 0.0,
                1 => 1.0,
                _ => r.unit() * scale,
            }))
        }
    };
    (spec, targets)
}

/// Scores as their type has them.
pub fn rounded(scores: ArrayD<f32>, dtype: Dtype) -> ArrayD<f32> {
    match dtype {
        Dtype::F32 => scores,
        Dtype::F16 => scores.mapv(|v| f16::from_f32(v).to_f32()),
        Dtype::Bf16 => scores.mapv(|v| bf16::from_f32(v).to_f32()),
    }
}

/// A batch of one kind against random classes, of scores that `score` makes.
pub fn of_classes(kind: Kind, dtype: Dtype, dims: &[usize], seed: u64, score: impl Fn(&mut Random) -> f32) -> Case {
    let mut r = Random(seed);
    let scores = ArrayD::from_shape_simple_fn(IxDyn(dims), || score(&mut r));
    let rows: Vec<usize> = dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, n)| *n).collect();
    let labels = ArrayD::from_shape_simple_fn(IxDyn(&rows), || r.below(dims[1]) as i64);
    let name = format!("{} {dims:?}", kind.name());
    Case::new(name, plain(kind), rounded(scores, dtype), dtype, OwnedTargets::Classes(labels))
}
