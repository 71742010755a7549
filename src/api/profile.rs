//! What plans on a device go by.

use super::GpuLoss;
use crate::device::profile::{Choice, Profile};

impl GpuLoss {
    /// The profile that plans go by on this device: `discrete`, `integrated`, `apple`, `no-subgroups`, `cpu` or
    /// `llvmpipe`. `GPU_LOSS_PROFILE` forces one.
    #[must_use]
    pub fn profile(&self) -> &'static str {
        self.context.profile.name
    }

    /// The profile that plans would go by on this adapter, without opening it. A `GPU_LOSS_PROFILE` that names none is
    /// the error of opening it.
    #[must_use]
    pub fn profile_of(adapter: &wgpu::Adapter) -> &'static str {
        let info = adapter.get_info();
        match Choice::of_environment() {
            Ok(Some(choice)) => choice.name(),
            _ => Profile::of(&info, adapter.features().contains(wgpu::Features::SUBGROUP)).name,
        }
    }

    /// The smallest and the largest subgroup that kernels reckon with; `None` where they use none.
    #[must_use]
    pub fn subgroups(&self) -> Option<(u32, u32)> {
        self.context.subgroups
    }
}
