//! The Rust side of what kernels are told; a test holds it against the WGSL through naga.

use bytemuck::{Pod, Zeroable};

/// `Params` of `shaders/params.wgsl`, field by field.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(crate) struct Params {
    pub(crate) rows: u32,
    pub(crate) classes: u32,
    pub(crate) first_class: u32,
    pub(crate) all_classes: u32,
    pub(crate) inner: u32,
    pub(crate) first_row: u32,
    pub(crate) window_row: u32,
    pub(crate) scores_at: u32,
    pub(crate) scores_stride: u32,
    pub(crate) grad_at: u32,
    pub(crate) grad_stride: u32,
    pub(crate) dense_at: u32,
    pub(crate) dense_stride: u32,
    pub(crate) elements: u32,
    pub(crate) phase: u32,
    pub(crate) first_part: u32,
    pub(crate) parts: u32,
    pub(crate) part_classes: u32,
    pub(crate) record_row: u32,
    pub(crate) record_part: u32,
    pub(crate) ignore_low: u32,
    pub(crate) ignore_high: u32,
    pub(crate) infinity: u32,
    pub(crate) nan: u32,
    pub(crate) mean_factor: f32,
    pub(crate) empty_mean: u32,
    pub(crate) smoothing: f32,
    pub(crate) background: f32,
    pub(crate) z_loss: f32,
    pub(crate) logit_scale: f32,
    pub(crate) softcap: f32,
    pub(crate) gamma: f32,
    pub(crate) alpha: f32,
    pub(crate) alpha_negative: f32,
}

#[cfg(test)]
impl Params {
    /// The fields' names in order, for the test that compares them with the WGSL.
    pub(crate) const FIELDS: [&'static str; 34] = [
        "rows",
        "classes",
        "first_class",
        "all_classes",
        "inner",
        "first_row",
        "window_row",
        "scores_at",
        "scores_stride",
        "grad_at",
        "grad_stride",
        "dense_at",
        "dense_stride",
        "elements",
        "phase",
        "first_part",
        "parts",
        "part_classes",
        "record_row",
        "record_part",
        "ignore_low",
        "ignore_high",
        "infinity",
        "nan",
        "mean_factor",
        "empty_mean",
        "smoothing",
        "background",
        "z_loss",
        "logit_scale",
        "softcap",
        "gamma",
        "alpha",
        "alpha_negative",
    ];
}
