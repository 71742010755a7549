//! What the tests share: batches read from test vectors, and the adapters to run them on.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

pub mod device;
pub mod each;
pub mod masked;
pub mod memory;
pub mod random;
pub mod values;

use std::path::{Path, PathBuf};

use gpu_loss::batch::{Element, Outputs, TargetForm, bf16, f16};
use gpu_loss::builder::AdapterFilter;
use gpu_loss::loss::OptionName;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::plan::Strategy;
use gpu_loss::{Batch, Dtype, GpuLoss, Output, Reduction, Result, Shape, Targets, reference};
use ndarray::{ArrayD, IxDyn};
use safetensors::{Dtype as Stored, SafeTensors};

/// Whether everything is tested: more random batches, and what adapters share with others.
pub fn full() -> bool {
    std::env::var_os("GPU_LOSS_FULL").is_some()
}

/// Says that a test finds nothing to test here; `cargo xtask test` counts it among those that were skipped.
pub fn skip(test: &str, reason: &str) {
    use std::io::Write as _;
    println!("skipped {test}: {reason}");
    if let Some(path) = std::env::var_os("GPU_LOSS_SKIPS") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{test}: {reason}")).expect("the file of skipped tests");
    }
}

/// Every adapter here. Without one the tests fail: skipping would look like passing.
pub fn adapters() -> Vec<GpuLoss> {
    let all = GpuLoss::open_all(&AdapterFilter::default()).expect("every adapter opens");
    // The tests compare with the reference themselves.
    let all: Vec<GpuLoss> = all.iter().map(|gpu| gpu.with_self_test(false)).collect();
    assert!(!all.is_empty(), "no GPU adapter found: `cargo xtask test` installs a software one, and runs the tests");
    all
}

/// The adapter in a few words.
pub fn name(gpu: &GpuLoss) -> String {
    let info = gpu.adapter_info();
    format!("[{:?}/{}]", info.backend, info.name)
}

/// Targets that own their arrays.
#[derive(Debug, Clone)]
pub enum OwnedTargets {
    Classes(ArrayD<i64>),
    Lists(Vec<i64>, Vec<i64>),
    MultiHot(ArrayD<u8>),
    Probabilities(ArrayD<f32>),
    Logits(ArrayD<f32>),
    LogitsF16(ArrayD<f16>),
    LogitsBf16(ArrayD<bf16>),
}

impl OwnedTargets {
    /// Whether some label is not known.
    pub fn have_missing(&self) -> bool {
        matches!(self, OwnedTargets::MultiHot(bytes) if bytes.iter().any(|byte| *byte == gpu_loss::batch::MISSING_LABEL))
    }

    pub fn view(&self) -> Targets<'_> {
        match self {
            OwnedTargets::Classes(labels) => labels.into(),
            OwnedTargets::Lists(offsets, indices) => Targets::lists(offsets, indices),
            OwnedTargets::MultiHot(bytes) => Targets::from(bytes),
            OwnedTargets::Probabilities(p) => Targets::from(p),
            OwnedTargets::Logits(teacher) => Targets::logits(teacher),
            OwnedTargets::LogitsF16(teacher) => Targets::logits(teacher),
            OwnedTargets::LogitsBf16(teacher) => Targets::logits(teacher),
        }
    }
}

/// A batch that owns its arrays.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub spec: Spec,
    pub scores: ArrayD<f32>,
    pub dtype: Dtype,
    pub targets: OwnedTargets,
    pub element_weights: Option<ArrayD<f32>>,
    pub upstream: Option<ArrayD<f32>>,
    pub more: More,
}

/// What few cases have.
#[derive(Debug, Clone, Default)]
pub struct More {
    /// A gradient that arrives at each row's entropy.
    pub entropy_upstream: Option<ArrayD<f32>>,
    /// Whether log-probabilities, entropies, ranks and the gradient of the class bias are wanted.
    pub outputs: bool,
}

impl Case {
    /// Without weights, and with nothing that arrives.
    pub fn new(name: impl ToString, spec: Spec, scores: ArrayD<f32>, dtype: Dtype, targets: OwnedTargets) -> Self {
        let (name, more) = (name.to_string(), More::default());
        Case { name, spec, scores, dtype, targets, element_weights: None, upstream: None, more }
    }

    pub fn shape(&self) -> Shape {
        Shape::of(self.scores.shape()).expect("at least two dimensions")
    }

    /// The case's strategies on an adapter.
    pub fn strategies(&self, gpu: &GpuLoss) -> Vec<Strategy> {
        gpu.strategies(self.spec.kind, self.shape())
    }

    /// All outputs that suit it.
    pub fn outputs(&self) -> Outputs {
        let (kind, form) = (self.spec.kind, self.targets.view().form());
        let of_classes = self.more.outputs && kind.is_softmax() && form == TargetForm::Classes;
        let from_teacher = form == TargetForm::Logits;
        let entropy = self.more.outputs && kind.is_softmax() && !from_teacher;
        let weighed = entropy || self.spec.entropy_coefficient != 0.0 || self.more.entropy_upstream.is_some();
        let sums = self.dtype == Dtype::F32 && self.spec.softcap.is_none() && !self.spec.has_margin();
        let mut outputs = Outputs::default().with_losses();
        outputs.lse = kind.is_softmax();
        outputs.argmax = kind.per_row();
        // Not beside entropies on dense targets, and a teacher's scores have no true class.
        outputs.correct = kind.per_row() && !from_teacher && !(form.is_dense() && weighed);
        (outputs.log_prob, outputs.entropy, outputs.rank) = (of_classes, entropy, of_classes);
        outputs.grad_class_bias = self.more.outputs && self.spec.class_bias.is_some() && sums;
        outputs
    }

    fn batch<'a, T: Element>(&'a self, scores: &'a ArrayD<T>) -> Batch<'a, T, IxDyn> {
        let mut batch = Batch::new(scores.view(), self.targets.view());
        batch.outputs = self.outputs();
        batch.element_weights = self.element_weights.as_ref().map(|a| a.view());
        batch.upstream = self.upstream.as_ref().map(|a| a.view());
        batch.entropy_upstream = self.more.entropy_upstream.as_ref().map(|a| a.view());
        batch
    }

    /// Runs on the GPU and in the reference, and compares.
    pub fn difference(&self, gpu: &GpuLoss) -> Result<(reference::Difference, Output<f64, IxDyn>)> {
        match self.dtype {
            Dtype::F32 => self.compared(gpu, &self.scores),
            Dtype::F16 => self.compared(gpu, &self.scores.mapv(f16::from_f32)),
            Dtype::Bf16 => self.compared(gpu, &self.scores.mapv(bf16::from_f32)),
        }
    }

    /// What one call on host arrays gives, without a comparison.
    pub fn output(&self, gpu: &GpuLoss) -> Result<Output<f64, IxDyn>> {
        match self.dtype {
            Dtype::F32 => gpu.run(&self.spec, &self.batch(&self.scores)).map(widened),
            Dtype::F16 => gpu.run(&self.spec, &self.batch(&self.scores.mapv(f16::from_f32))).map(widened),
            Dtype::Bf16 => gpu.run(&self.spec, &self.batch(&self.scores.mapv(bf16::from_f32))).map(widened),
        }
    }

    fn compared<T: Element>(
        &self,
        gpu: &GpuLoss,
        scores: &ArrayD<T>,
    ) -> Result<(reference::Difference, Output<f64, IxDyn>)> {
        let batch = self.batch(scores);
        let output = gpu.run(&self.spec, &batch)?;
        let expected = reference::run(&self.spec, &batch)?;
        let difference = reference::compare(&output, &expected);
        Ok((difference, widened(output)))
    }

    /// What the case must come to.
    pub fn reference(&self) -> Result<reference::Reference> {
        match self.dtype {
            Dtype::F32 => reference::run(&self.spec, &self.batch(&self.scores)),
            Dtype::F16 => reference::run(&self.spec, &self.batch(&self.scores.mapv(f16::from_f32))),
            Dtype::Bf16 => reference::run(&self.spec, &self.batch(&self.scores.mapv(bf16::from_f32))),
        }
    }

    /// Checks the case on an adapter under every strategy that serves it.
    pub fn check(&self, gpu: &GpuLoss) {
        self.check_under(gpu, &self.strategies(gpu));
    }

    /// Checks the case on an adapter under these strategies.
    pub fn check_under(&self, gpu: &GpuLoss, strategies: &[Strategy]) {
        for strategy in strategies.iter().copied() {
            let gpu = &gpu.with_strategy(strategy);
            let (difference, _) = self
                .difference(gpu)
                .unwrap_or_else(|error| panic!("{} {} {}: {error}", name(gpu), strategy.name(), self.name));
            assert!(difference.kept(), "{} {} {}: {difference:?}", name(gpu), strategy.name(), self.name);
        }
    }
}

/// An output of any type as one of f64: nothing is lost.
fn widened<T: Element>(output: Output<T, IxDyn>) -> Output<f64, IxDyn> {
    let mut wide = Output::new(output.loss);
    wide.grad = output.grad.map(|grad| grad.mapv(|v| v.to_f64()));
    (wide.losses, wide.lse) = (output.losses, output.lse);
    (wide.argmax, wide.correct) = (output.argmax, output.correct);
    (wide.log_prob, wide.entropy) = (output.log_prob, output.entropy);
    (wide.rank, wide.grad_class_bias) = (output.rank, output.grad_class_bias);
    wide
}

/// What a vector's expected file holds.
pub struct Expected {
    pub loss: ArrayD<f64>,
    pub grad: ArrayD<f64>,
    pub losses: Option<ArrayD<f64>>,
    pub lse: Option<ArrayD<f64>>,
    pub log_prob: Option<ArrayD<f64>>,
    pub entropy: Option<ArrayD<f64>>,
    pub rank: Option<ArrayD<f64>>,
}

/// All test vectors; with `GPU_LOSS_VECTORS=asl` those whose names begin so.
pub fn vectors() -> Vec<(Case, Expected)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("tests/vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".safetensors"))
        .filter(|path| !path.to_string_lossy().ends_with(".expected.safetensors"))
        .collect();
    let begin = std::env::var("GPU_LOSS_VECTORS").unwrap_or_default();
    paths.retain(|path| path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with(&begin)));
    paths.sort();
    paths.iter().map(|path| vector(path)).collect()
}

fn vector(path: &Path) -> (Case, Expected) {
    let bytes = std::fs::read(path).expect("readable");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("metadata");
    let options = metadata.metadata().as_ref().expect("metadata")["options"].clone();
    let mut spec = spec(&serde_json::from_str(&options).expect("JSON options"));
    spec.class_weights = floats(&tensors, "class_weights").map(|a| a.into_raw_vec_and_offset().0);
    spec.pos_weight = floats(&tensors, "pos_weight").map(|a| a.into_raw_vec_and_offset().0);
    spec.class_bias = floats(&tensors, "class_bias").map(|a| a.into_raw_vec_and_offset().0);
    let scores_name = if spec.kind.takes_probabilities() { "probabilities" } else { "logits" };
    let dtype = match tensors.tensor(scores_name).expect("scores").dtype() {
        Stored::F16 => Dtype::F16,
        Stored::BF16 => Dtype::Bf16,
        _ => Dtype::F32,
    };
    let targets = match tensors.tensor("targets") {
        Ok(view) => match view.dtype() {
            Stored::U8 | Stored::BOOL => {
                OwnedTargets::MultiHot(ArrayD::from_shape_vec(view.shape(), view.data().to_vec()).expect("shape"))
            }
            Stored::F32 => OwnedTargets::Probabilities(floats(&tensors, "targets").expect("floats")),
            _ => OwnedTargets::Classes(integers(&tensors, "targets")),
        },
        Err(_) if tensors.tensor("teacher").is_ok() => {
            OwnedTargets::Logits(floats(&tensors, "teacher").expect("floats"))
        }
        Err(_) if spec.kind == Kind::InfoNce => {
            let rows = tensors.tensor(scores_name).expect("scores").shape()[0];
            OwnedTargets::Classes(ArrayD::from_shape_fn(IxDyn(&[rows]), |at| at[0] as i64))
        }
        Err(_) => OwnedTargets::Lists(
            integers(&tensors, "target_offsets").into_raw_vec_and_offset().0,
            integers(&tensors, "target_indices").into_raw_vec_and_offset().0,
        ),
    };
    let case = Case {
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        spec,
        scores: floats(&tensors, scores_name).expect("scores"),
        dtype,
        targets,
        element_weights: floats(&tensors, "element_weights"),
        upstream: floats(&tensors, "upstream"),
        more: More { entropy_upstream: floats(&tensors, "entropy_upstream"), outputs: options.contains("outputs") },
    };
    let bytes = std::fs::read(path.with_extension("expected.safetensors")).expect("an expected file");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let doubles = |name: &str| {
        let view = tensors.tensor(name).ok()?;
        let values: Vec<f64> = view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Some(ArrayD::from_shape_vec(view.shape(), values).expect("shape"))
    };
    let expected = Expected {
        loss: doubles("loss").expect("loss"),
        grad: doubles("grad").expect("grad"),
        losses: doubles("losses"),
        lse: doubles("lse"),
        log_prob: doubles("log_prob"),
        entropy: doubles("entropy"),
        rank: doubles("rank"),
    };
    (case, expected)
}

fn spec(options: &serde_json::Value) -> Spec {
    let name = options["loss"].as_str().expect("a loss").replace('-', "_");
    let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == name).expect("a loss's name");
    let mut spec = kind.defaults();
    let number = |key: &str| options[key].as_f64().map(|v| v as f32);
    spec.reduction = match options["reduction"].as_str() {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some("batch-mean") => Reduction::BatchMean,
        Some(other) => panic!("unknown reduction {other}"),
    };
    spec.ignore_index = options["ignore_index"].as_i64();
    spec.denominator = number("denominator");
    for option in OptionName::ALL {
        let word = option.words().iter().position(|word| {
            options[option.name()].as_str() == Some(*word)
                || options[option.name()].as_bool().map(|b| b.to_string()).as_deref() == Some(*word)
        });
        if let Some(value) = word.map(|word| word as f32).or(number(option.name())) {
            option.set(&mut spec, value);
        }
    }
    spec
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Option<ArrayD<f32>> {
    let view = tensors.tensor(name).ok()?;
    let data = view.data();
    let values: Vec<f32> = match view.dtype() {
        Stored::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Stored::F16 => data.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Stored::BF16 => data.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        other => panic!("{name} is {other:?}"),
    };
    Some(ArrayD::from_shape_vec(view.shape(), values).expect("shape"))
}

fn integers(tensors: &SafeTensors<'_>, name: &str) -> ArrayD<i64> {
    let view = tensors.tensor(name).expect(name);
    let data = view.data();
    let values: Vec<i64> = match view.dtype() {
        Stored::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        Stored::I32 => data.as_chunks().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect(),
        other => panic!("{name} is {other:?}"),
    };
    ArrayD::from_shape_vec(view.shape(), values).expect("shape")
}

/// The losses that compare scores with labels.
pub fn of_labels() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| kind.targets() != [gpu_loss::batch::TargetForm::Logits])
}

/// The losses by kind, their options the default ones.
pub fn plain(kind: Kind) -> Spec {
    kind.defaults()
}
