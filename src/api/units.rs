//! Class weights in other units: a mean divides by them, so that their unit does not count, but their sum may be more than f32
//! holds, and what a small one weighs less.

use ndarray::Dimension;

use crate::batch::{Batch, Element, Output, TargetForm};
use crate::loss::{Reduction, Spec};

/// The loss with weights near 1, and what its losses are multiplied by in the end; `None` where weights are moderate, as
/// they all but always are, or their unit counts.
pub(super) fn near_one<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Option<(Spec, f32)> {
    let weights = spec.class_weights.as_ref()?;
    let cancels = spec.reduction == Reduction::Mean && spec.denominator.is_none();
    let most = weights.iter().copied().fold(0.0_f32, f32::max);
    if !cancels || batch.targets.form() != TargetForm::Classes || (1e-18..1e18).contains(&most) || most <= 0.0 {
        return None;
    }
    // A power of two, so that no digit is lost; of a subnormal number its highest bit.
    let bits = most.to_bits();
    let unit = f32::from_bits(if most.is_normal() { bits & 0x7f80_0000 } else { 1 << bits.ilog2() });
    let weights = weights.iter().map(|weight| weight / unit).collect();
    // What is not weighted is divided by the weights all the same.
    let divided = |factor: f32| {
        let magnitude = (f64::from(factor.abs()) / f64::from(unit)) as f32;
        if factor == 0.0 { 0.0 } else { magnitude.clamp(f32::MIN_POSITIVE, f32::MAX).copysign(factor) }
    };
    let (z_loss, entropy_coefficient) = (divided(spec.z_loss), divided(spec.entropy_coefficient));
    Some((Spec { class_weights: Some(weights), z_loss, entropy_coefficient, ..spec.clone() }, unit))
}

/// Losses before reduction, in the caller's unit.
pub(super) fn back<T, D: Dimension>(mut output: Output<T, D>, unit: f32) -> Output<T, D> {
    if let Some(losses) = &mut output.losses {
        losses.mapv_inplace(|loss| loss * unit);
    }
    output
}
