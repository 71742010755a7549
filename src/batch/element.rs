//! The types that scores and gradients can have.

use half::{bf16, f16};

use super::sealed::Sealed;

/// A type that scores and gradients can have: `f32`, [`f16`](struct@f16) or [`bf16`].
///
/// Arithmetic is in `f32` whatever the type; a 16-bit gradient is rounded once, when it is stored.
pub trait Element: Copy + Default + Send + Sync + bytemuck::Pod + std::fmt::Debug + 'static + Sealed {
    /// The type's name for plans.
    const DTYPE: Dtype;
    /// The value, exactly.
    fn to_f64(self) -> f64;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Element for f16 {
    const DTYPE: Dtype = Dtype::F16;
    fn to_f64(self) -> f64 {
        f16::to_f64(self)
    }
}

impl Element for bf16 {
    const DTYPE: Dtype = Dtype::Bf16;
    fn to_f64(self) -> f64 {
        bf16::to_f64(self)
    }
}

/// The type of scores and gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dtype {
    /// 32-bit IEEE float.
    F32,
    /// 16-bit IEEE float.
    F16,
    /// bfloat16.
    Bf16,
}

impl Dtype {
    /// All types.
    pub const ALL: &'static [Dtype] = &[Dtype::F32, Dtype::F16, Dtype::Bf16];

    /// Bytes of one element.
    #[must_use]
    pub fn size(self) -> usize {
        if self == Dtype::F32 { 4 } else { 2 }
    }

    /// The name: `f32`, `f16`, `bf16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
