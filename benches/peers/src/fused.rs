//! gpu-loss itself, over device buffers, as a training loop would call it.

use std::path::Path;
use std::rc::Rc;

use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Shape, SoftmaxCe};

use crate::batch::Batch;
use crate::device::{Loaded, about};
use crate::peer::Peer;

/// gpu-loss with the strategy that it chooses.
pub struct Fused {
    gpu: Rc<GpuLoss>,
    loaded: Option<(Loaded, Plan)>,
}

impl Fused {
    pub fn new(gpu: &Rc<GpuLoss>) -> Self {
        Fused { gpu: Rc::clone(gpu), loaded: None }
    }
}

impl Peer for Fused {
    fn name(&self) -> &'static str {
        crate::GPU_LOSS
    }

    fn about(&self) -> String {
        format!("gpu-loss on {}", about(&self.gpu))
    }

    fn load(&mut self, batch: &Batch, _: &Path) -> Result<(), String> {
        let plan = self
            .gpu
            .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(batch.rows, batch.classes), Dtype::F32))
            .map_err(|error| error.to_string())?;
        self.loaded = Some((Loaded::new(&self.gpu, batch), plan));
        Ok(())
    }

    fn result(&mut self) -> Result<(f32, Vec<f32>), String> {
        self.time()?;
        let (loaded, plan) = self.loaded.as_ref().ok_or("nothing is loaded")?;
        plan.read_status().map_err(|error| error.to_string())?;
        loaded.results()
    }

    fn time(&mut self) -> Result<f64, String> {
        let (loaded, plan) = self.loaded.as_ref().ok_or("nothing is loaded")?;
        let buffers = Buffers::new(&loaded.scores, &loaded.labels).grad(&loaded.grad).loss(&loaded.loss);
        loaded.step(|encoder| plan.encode(encoder, &buffers).map_err(|error| error.to_string()))
    }

    fn unload(&mut self) {
        self.loaded = None;
    }
}
