//! Burn on its Vulkan backend: log-softmax, gather and mean, differentiated by its autodiff.

use std::path::Path;
use std::time::Instant;

use ::burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use ::burn::tensor::{Device, DeviceKind, Gradients, Int, Tensor, TensorData};

use crate::batch::Batch;
use crate::serve::Serve;

/// The release that Cargo.toml pins.
const VERSION: &str = "0.22.1";

/// Burn, in a process of its own: what it brings down is not this run.
pub struct Burn {
    device: Device,
    loss: CrossEntropyLoss,
    loaded: Option<(Tensor<2>, Tensor<1, Int>)>,
}

impl Burn {
    /// Burn on a CPU adapter, or on the GPU that it prefers.
    pub fn new(on_cpu: bool) -> Self {
        let kind = if on_cpu { DeviceKind::Cpu } else { DeviceKind::DefaultDevice };
        let device = Device::vulkan(kind).autodiff();
        let loss = CrossEntropyLossConfig::new().init(&device);
        Burn { device, loss, loaded: None }
    }

    /// Forward and backward, waited for: the loss, the scores and what holds their gradient.
    fn step(&self) -> Result<(Tensor<1>, Tensor<2>, Gradients), String> {
        let (scores, labels) = self.loaded.as_ref().ok_or("nothing is loaded")?;
        let scores = scores.clone().require_grad();
        let loss = self.loss.forward(scores.clone(), labels.clone());
        let gradients = loss.backward();
        self.device.sync().map_err(|error| format!("{error:?}"))?;
        Ok((loss, scores, gradients))
    }
}

impl Serve for Burn {
    fn about(&self) -> String {
        format!("Burn {VERSION} on Vulkan, with fusion and autotune")
    }

    fn load(&mut self, rows: usize, classes: usize, directory: &Path) -> Result<(), String> {
        let (scores, labels) = Batch::read(directory).map_err(|error| error.to_string())?;
        let scores = Tensor::from_data(TensorData::new(scores, [rows, classes]), &self.device);
        let labels: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [rows]), &self.device);
        self.loaded = Some((scores, labels));
        self.device.sync().map_err(|error| format!("{error:?}"))
    }

    fn result(&mut self, grad: &mut dyn std::io::Write) -> Result<f32, String> {
        let (loss, scores, gradients) = self.step()?;
        let gradient = scores.grad(&gradients).ok_or("no gradient")?;
        let bytes = gradient.into_data().try_to_vec::<f32>().map_err(|error| format!("{error:?}"))?;
        grad.write_all(bytemuck::cast_slice(&bytes)).map_err(|error| error.to_string())?;
        let loss = loss.into_data().try_to_vec::<f32>().map_err(|error| format!("{error:?}"))?;
        loss.first().copied().ok_or_else(|| "no loss".to_owned())
    }

    fn time(&mut self) -> Result<f64, String> {
        let begin = Instant::now();
        let held = self.step()?;
        let ms = begin.elapsed().as_secs_f64() * 1e3;
        drop(held);
        Ok(ms)
    }
}
