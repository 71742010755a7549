//! A small batch, computed on the GPU and by the reference.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::OptionName;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, GpuLoss, Reduction, Result, SigmoidCe, SoftmaxCe, Targets, reference};
use ndarray::Array2;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::gpu::Gpu;
use crate::script::{object, thrown};

/// Every loss: name, what it is, whether a loss belongs to a row, whether it takes probabilities, whether a row may have
/// several true classes, and the names of its options.
#[wasm_bindgen]
pub fn losses() -> Vec<JsValue> {
    let described = |kind: &Kind| {
        // Nobody here is a teacher, and sigmoid losses take a temperature with one only.
        let of_teacher =
            |option: &OptionName| matches!(option, OptionName::Temperature | OptionName::TimesTemperatureSquared);
        let options = kind.options().iter().filter(|option| kind.per_row() || !of_teacher(option));
        let options = options.map(|option| JsValue::from(option.name()));
        object([
            ("name", kind.name().into()),
            ("about", kind.about().into()),
            ("row", kind.per_row().into()),
            ("probabilities", kind.takes_probabilities().into()),
            ("several", kind.targets().contains(&TargetForm::MultiHot).into()),
            ("options", options.collect::<js_sys::Array>().into()),
        ])
    };
    let with_labels = |kind: &&Kind| kind.targets() != [TargetForm::Logits];
    Kind::ALL.iter().filter(with_labels).map(described).collect()
}

/// What to compute. A script sets what differs from the plain loss.
#[wasm_bindgen]
pub struct Request {
    spec: Spec,
    scores: Array2<f32>,
    /// Whether each class is a true one, 0 or 1.
    truth: Array2<u8>,
    /// The class whose rows count for nothing; each row of such a batch has one true class.
    pub ignored: Option<u32>,
    /// Whether losses are summed; else their mean is taken.
    pub sum: bool,
}

#[wasm_bindgen]
impl Request {
    /// A loss by its name, on so many rows of scores and as many 0s and 1s.
    #[wasm_bindgen(constructor)]
    pub fn new(loss: &str, rows: usize, scores: Vec<f32>, truth: Vec<u8>) -> std::result::Result<Request, JsValue> {
        let error = |words: String| JsValue::from(js_sys::Error::new(&words));
        let kind = Kind::ALL.iter().find(|kind| kind.name() == loss);
        let kind = kind.ok_or_else(|| error(format!("there is no loss {loss}")))?;
        let shape = (rows, scores.len() / rows.max(1));
        let scores = Array2::from_shape_vec(shape, scores).map_err(|e| error(e.to_string()))?;
        let truth = Array2::from_shape_vec(shape, truth).map_err(|e| error(e.to_string()))?;
        Ok(Request { spec: kind.defaults(), scores, truth, ignored: None, sum: false })
    }

    /// Sets an option of the loss by its name.
    pub fn set(&mut self, option: &str, value: f32) -> std::result::Result<(), JsValue> {
        let known = OptionName::ALL.iter().find(|known| known.name() == option);
        match known.map(|known| known.set(&mut self.spec, value)) {
            Some(true) => Ok(()),
            _ => Err(js_sys::Error::new(&format!("there is no number called {option}")).into()),
        }
    }
}

impl Request {
    fn spec(&self) -> Spec {
        let mut spec = self.spec.clone();
        spec.ignore_index = self.ignored.map(i64::from);
        spec.reduction = if self.sum { Reduction::Sum } else { Reduction::Mean };
        spec
    }

    /// The true class of each row, if each has just one.
    fn labels(&self) -> Option<Vec<i32>> {
        let only = |row: ndarray::ArrayView1<'_, u8>| {
            let mut classes = row.iter().enumerate().filter(|(_, truth)| **truth == 1).map(|(class, _)| class as i32);
            classes.next().filter(|_| classes.next().is_none())
        };
        self.truth.rows().into_iter().map(only).collect()
    }
}

#[wasm_bindgen]
impl Gpu {
    /// Computes a loss on the GPU: the loss and what the float64 reference has for it, whether all is within the
    /// promised accuracy, the gradient, the losses before reduction, and what the activation makes of the scores.
    pub async fn compute(&self, request: Request) -> std::result::Result<JsValue, JsValue> {
        compute(&self.gpu, &request).await.map_err(|error| thrown(&error))
    }
}

async fn compute(gpu: &GpuLoss, request: &Request) -> Result<JsValue> {
    let spec = request.spec();
    let labels = request.labels();
    let targets = match &labels {
        Some(labels) => Targets::from(labels),
        None => Targets::from(request.truth.view()),
    };
    let batch = Batch::new(request.scores.view(), targets).with_losses();
    let output = gpu.run_async(&spec, &batch).await?;
    let expected = reference::run(&spec, &batch)?;
    Ok(object([
        ("loss", output.loss.into()),
        ("reference", expected.loss.into()),
        ("within", reference::compare(&output, &expected).kept().into()),
        ("gradient", numbers(output.grad.iter().flatten().copied())),
        ("losses", numbers(output.losses.iter().flatten().copied())),
        ("activations", numbers(activations(gpu, &spec, &request.scores).await?)),
    ]))
}

fn numbers(values: impl IntoIterator<Item = f32>) -> JsValue {
    js_sys::Float32Array::from(values.into_iter().collect::<Vec<f32>>().as_slice()).into()
}

/// The probabilities that a loss makes of its scores, by the kernels.
async fn activations(gpu: &GpuLoss, spec: &Spec, scores: &Array2<f32>) -> Result<Vec<f32>> {
    if spec.kind.takes_probabilities() {
        return Ok(scores.iter().copied().collect());
    }
    if spec.kind.is_softmax() {
        let first = vec![0_i32; scores.nrows()];
        let batch = Batch::new(scores.view(), &first).loss_only().with_lse();
        let lse = gpu.run_async(&SoftmaxCe::default().logit_scale(spec.logit_scale), &batch).await?.lse;
        let rows = scores.rows().into_iter().zip(lse.iter().flatten());
        return Ok(rows.flat_map(|(row, lse)| row.map(|x| (spec.logit_scale * x - lse).exp())).collect());
    }
    // Where no class is true, the gradient of the sum is the activation itself.
    let nothing = Array2::<u8>::zeros(scores.dim());
    let batch = Batch::new(scores.view(), nothing.view());
    let output = gpu.run_async(&SigmoidCe::default().reduction(Reduction::Sum), &batch).await?;
    Ok(output.grad.into_iter().flatten().collect())
}
