//! The front door: an adapter, a device, and one method a loss.

use ndarray::Dimension;

use crate::batch::{Batch, Element, Output};
use crate::error::Result;
use crate::loss::{Bce, Ce, Loss, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal};
use crate::plan::Strategy;

/// Which adapters to consider. `Default` reads `WGPU_BACKEND` and `WGPU_ADAPTER_NAME`.
#[derive(Debug, Clone)]
pub struct AdapterFilter {
    /// The backends to search.
    pub backends: wgpu::Backends,
    /// A part of the adapter's name, in any case.
    pub name: Option<String>,
}

impl Default for AdapterFilter {
    fn default() -> Self {
        AdapterFilter {
            backends: wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY | wgpu::Backends::GL),
            name: std::env::var("WGPU_ADAPTER_NAME").ok().filter(|n| !n.is_empty()),
        }
    }
}

/// Fused losses on one GPU.
pub struct GpuLoss {}

impl GpuLoss {
    /// Opens the best adapter (`WGPU_BACKEND`, `WGPU_ADAPTER_NAME` and `WGPU_POWER_PREF` choose another).
    pub fn new() -> Result<Self> {
        todo!()
    }
    /// Opens the best adapter that a filter admits.
    pub fn open(_filter: &AdapterFilter) -> Result<Self> {
        todo!()
    }
    /// Every adapter that a filter admits, each opened.
    pub fn open_all(_filter: &AdapterFilter) -> Result<Vec<Self>> {
        todo!()
    }
    /// Every adapter that a filter admits (empty if there is none).
    pub fn adapters(_filter: &AdapterFilter) -> Vec<wgpu::Adapter> {
        todo!()
    }
    /// Opens a device on this adapter, with all that the losses can use.
    pub fn on_adapter(_adapter: &wgpu::Adapter) -> Result<Self> {
        todo!()
    }
    /// The adapter's description.
    pub fn adapter_info(&self) -> &wgpu::AdapterInfo {
        todo!()
    }
    /// Forces a strategy for every later plan (`None`: chosen by shape and adapter). `GPU_LOSS_STRATEGY` sets it at the start.
    pub fn set_strategy(&self, _strategy: Option<Strategy>) {
        todo!()
    }
    /// The strategies that can serve scores of this shape and type on this adapter.
    pub fn strategies(&self, _shape: crate::Shape, _dtype: crate::Dtype) -> Vec<Strategy> {
        todo!()
    }
    /// The strategy that a batch of this shape and type would be walked by.
    pub fn strategy_for<L: Loss>(
        &self,
        _loss: &L,
        _shape: crate::Shape,
        _dtype: crate::Dtype,
        _targets: crate::TargetForm,
    ) -> Result<Strategy> {
        todo!()
    }

    /// Any loss with its options.
    pub fn run<L: Loss, T: Element, D: Dimension>(&self, _loss: &L, _batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        todo!()
    }
    /// As [`run`](Self::run), without blocking.
    pub async fn run_async<L: Loss, T: Element, D: Dimension>(
        &self,
        _loss: &L,
        _batch: &Batch<'_, T, D>,
    ) -> Result<Output<T, D>> {
        todo!()
    }
    /// As [`run`](Self::run), from the common form.
    pub fn run_spec<T: Element, D: Dimension>(
        &self,
        _spec: &crate::Spec,
        _batch: &Batch<'_, T, D>,
    ) -> Result<Output<T, D>> {
        todo!()
    }

    /// Softmax cross-entropy with the plain options.
    pub fn softmax_ce<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        self.run(&SoftmaxCe::default(), batch)
    }
    /// Softmax cross-entropy.
    pub fn softmax_ce_with<T: Element, D: Dimension>(
        &self,
        loss: &SoftmaxCe,
        batch: &Batch<'_, T, D>,
    ) -> Result<Output<T, D>> {
        self.run(loss, batch)
    }
    /// Sigmoid cross-entropy with the plain options.
    pub fn sigmoid_ce<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        self.run(&SigmoidCe::default(), batch)
    }
    /// Softmax focal loss with `γ = 2`.
    pub fn softmax_focal<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        self.run(&SoftmaxFocal::default(), batch)
    }
    /// Sigmoid focal loss with `γ = 2` and no `α`.
    pub fn sigmoid_focal<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        self.run(&SigmoidFocal::default(), batch)
    }
    /// Cross-entropy of given probabilities with the plain options.
    pub fn ce<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        self.run(&Ce::default(), batch)
    }
    /// Binary cross-entropy of given probabilities with the plain options.
    pub fn bce<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>) -> Result<Output<T, D>> {
        self.run(&Bce::default(), batch)
    }
}
