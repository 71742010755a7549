//! The fused loss in Burn's learner: its data loaders, its metrics on their own thread, its checkpoints.

use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamConfig;
use burn::tensor::{Device, Int, Tensor};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{ClassificationOutput, InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep};
use gpu_loss_burn::{CrossEntropyLoss, CrossEntropyLossConfig};

use crate::common::{Numbers, device, tensor};

const INPUTS: usize = 16;
const CLASSES: usize = 6;

/// Numbers, the largest of which, among the first few, is the class.
type Item = (Vec<f32>, i32);

#[derive(Clone, Debug)]
struct Batch {
    input: Tensor<2>,
    targets: Tensor<1, Int>,
}

struct Batches;

impl Batcher<Item, Batch> for Batches {
    fn batch(&self, items: Vec<Item>, device: &Device) -> Batch {
        let (numbers, labels): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let input = tensor(&numbers.concat(), [labels.len(), INPUTS], burn::tensor::DType::F32, device);
        Batch { input, targets: Tensor::from_ints(labels.as_slice(), device) }
    }
}

#[derive(Module, Debug)]
struct Model {
    layer: Linear,
    loss: CrossEntropyLoss,
}

impl Model {
    fn output(&self, batch: Batch) -> ClassificationOutput {
        let logits = self.layer.forward(batch.input);
        let loss = self.loss.forward(logits.clone(), batch.targets.clone());
        ClassificationOutput::new(loss, logits, batch.targets)
    }
}

impl TrainStep for Model {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.output(batch)
    }
}

fn loader(seed: u64, count: usize, device: Device) -> Arc<dyn DataLoader<Batch>> {
    let mut r = Numbers::new(seed);
    let items: Vec<Item> = (0..count)
        .map(|_| {
            let numbers: Vec<f32> = (0..INPUTS).map(|_| r.unit()).collect();
            let label = (0..CLASSES).max_by(|a, b| numbers[*a].total_cmp(&numbers[*b])).unwrap_or(0);
            (numbers, label as i32)
        })
        .collect();
    // 50 in a batch: the last of 320 has another shape.
    DataLoaderBuilder::new(Batches).batch_size(50).set_device(device).build(InMemDataset::new(items))
}

#[test]
fn a_model_learns_in_burns_learner() {
    let device = device();
    let directory = std::env::temp_dir().join(format!("gpu-loss-burn-learner-{}", std::process::id()));
    let model = Model {
        layer: LinearConfig::new(INPUTS, CLASSES).init(&device),
        loss: CrossEntropyLossConfig::new().init(&device),
    };
    let unseen = || loader(2, 120, device.clone().inner());
    let training = SupervisedTraining::new(&directory, loader(1, 320, device.clone()), unseen())
        .metrics((LossMetric::new(), AccuracyMetric::new()))
        .with_default_checkpointers()
        .with_application_logger(None)
        .num_epochs(8);
    let result = training.launch(Learner::new(model, AdamConfig::new().init(), 0.05));
    let _ = std::fs::remove_dir_all(&directory);
    assert!(result.error.is_none(), "{:?}", result.error);

    let (mut right, mut all) = (0, 0);
    for batch in unseen().iter() {
        let output = InferenceStep::step(&result.model, batch.expect("a batch"));
        let guesses = output.output.argmax(1).reshape([output.targets.dims()[0]]);
        all += output.targets.dims()[0];
        right += guesses.equal(output.targets).int().sum().into_scalar::<i32>();
    }
    assert!(all == 120 && right > 80, "{right} of {all}: by guessing it would be 20");
}
