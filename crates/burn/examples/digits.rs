//! Handwritten digits, 8×8 pixels, with Burn's own modules: a small network, trained by one loss or the other.
//!
//! ```sh
//! cargo run --release --example digits -- --loss fused
//! cargo run --release --example digits -- --loss burn
//! ```

mod progress;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};
use progress::{Bar, fused_by_arguments};

const EPOCHS: usize = 15;
const BATCH: usize = 64;
/// Digits to train on; the rest tell how well it went.
const TRAINING: usize = 1_400;

#[derive(Module, Debug)]
struct Network {
    hidden: Linear,
    output: Linear,
}

impl Network {
    fn new(device: &Device) -> Self {
        Network { hidden: LinearConfig::new(64, 128).init(device), output: LinearConfig::new(128, 10).init(device) }
    }

    fn forward(&self, pixels: Tensor<2>) -> Tensor<2> {
        self.output.forward(relu(self.hidden.forward(pixels)))
    }
}

/// Images, with pixels in [0, 1], and the digits that they show.
type Digits = (Vec<[f32; 64]>, Vec<i32>);

fn read() -> Result<Digits, Box<dyn std::error::Error>> {
    let (mut pixels, mut labels) = (vec![], vec![]);
    for line in include_str!("data/digits.csv").lines() {
        let values = line.split(',').map(|value| value.parse::<f32>()).collect::<Result<Vec<_>, _>>()?;
        let (label, image) = values.split_last().ok_or("an empty line")?;
        pixels.push(std::array::from_fn(|at| image[at] / 16.0));
        labels.push(*label as i32);
    }
    Ok((pixels, labels))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fused = fused_by_arguments()?;
    let (pixels, labels) = read()?;
    let plain = gpu_loss_burn::device()?;
    let device = plain.clone().autodiff();
    device.seed(1);
    let batch = |range: std::ops::Range<usize>, device: &Device| {
        let (pixels, labels) = (pixels[range.clone()].concat(), &labels[range.clone()]);
        let pixels = Tensor::<1>::from_floats(pixels.as_slice(), device).reshape([range.len(), 64]);
        (pixels, Tensor::<1, Int>::from_ints(labels, device))
    };

    let own = gpu_loss_burn::CrossEntropyLossConfig::new().with_smoothing(Some(0.05)).init(&device);
    let burns = burn::nn::loss::CrossEntropyLossConfig::new().with_smoothing(Some(0.05)).init(&device);
    let mut network = Network::new(&device);
    let mut optimizer = AdamConfig::new().init();
    let mut bar = Bar::new(EPOCHS * (TRAINING / BATCH));
    for _ in 0..EPOCHS {
        for first in (0..TRAINING / BATCH).map(|at| at * BATCH) {
            let (input, targets) = batch(first..first + BATCH, &device);
            let logits = network.forward(input);
            let loss = if fused { own.forward(logits, targets) } else { burns.forward(logits, targets) };
            let grads = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(3e-3, network, grads);
            bar.step(|| loss.into_scalar::<f32>());
        }
        if fused {
            gpu_loss_burn::check(&device)?;
        }
    }
    bar.finish();

    let (input, targets) = batch(TRAINING..labels.len(), &plain);
    let right = network.valid().forward(input).argmax(1).reshape([labels.len() - TRAINING]).equal(targets);
    let right = right.int().sum().into_scalar::<i32>();
    println!("{right} of {} digits never seen before are read rightly", labels.len() - TRAINING);
    Ok(())
}
