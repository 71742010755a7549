//! Batches with masks, of every form of target.

use gpu_loss::Dtype;
use gpu_loss::loss::Spec;
use ndarray::{ArrayD, IxDyn};

use super::random::{Random, rounded};
use super::{Case, OwnedTargets};

/// A batch of random scores, every fortieth a mask, and one row nothing but masks. Targets: 0 classes, 1 lists, 2 multi-hot,
/// 3 probabilities.
pub fn masked(spec: Spec, dims: &[usize], dtype: Dtype, form: usize) -> Case {
    let mut r = Random(dims.iter().product::<usize>() as u64 + form as u64);
    let name = format!("{dims:?} {} targets {form} {spec:?}", dtype.name());
    let scores = scores(&mut r, dims, dtype);
    Case::new(name, spec, scores, dtype, targets(&mut r, dims, form))
}

fn scores(r: &mut Random, dims: &[usize], dtype: Dtype) -> ArrayD<f32> {
    let mut scores = ArrayD::from_shape_simple_fn(IxDyn(dims), || 3.0 * r.normal());
    for x in &mut scores {
        if r.chance(40) {
            *x = f32::NEG_INFINITY;
        }
    }
    scores.index_axis_mut(ndarray::Axis(0), dims[0].min(6) - 1).fill(f32::NEG_INFINITY);
    rounded(scores, dtype)
}

fn targets(r: &mut Random, dims: &[usize], form: usize) -> OwnedTargets {
    let (n, classes) = (dims[0], dims[1]);
    let rows: Vec<usize> = std::iter::once(n).chain(dims[2..].iter().copied()).collect();
    match form {
        0 => OwnedTargets::Classes(ArrayD::from_shape_simple_fn(IxDyn(&rows), || r.below(classes) as i64)),
        1 => {
            let (mut offsets, mut indices) = (vec![0], vec![]);
            for _ in 0..rows.iter().product() {
                indices.extend((0..classes as i64).filter(|_| r.chance(6)));
                offsets.push(indices.len() as i64);
            }
            OwnedTargets::Lists(offsets, indices)
        }
        2 => OwnedTargets::MultiHot(ArrayD::from_shape_simple_fn(IxDyn(dims), || u8::from(r.chance(5)))),
        _ => OwnedTargets::Probabilities(ArrayD::from_shape_simple_fn(IxDyn(dims), || r.unit() / classes as f32)),
    }
}
