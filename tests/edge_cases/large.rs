//! Batches as large as a limit or a vector makes interesting, against the reference.
//!
//! - 70,000 × 2: more rows than one dimension of a dispatch has workgroups (65,535), with two rows to a vector;
//! - 65,537 × 3: the same and one more than 2¹⁶, four rows to three vectors, the last of them one row;
//! - 1 × 131,075: one row of more than 2¹⁷ classes, with a tail of three behind its last whole vector;
//! - 3 × 50,257: GPT-2's odd vocabulary, so that rows begin at every place of a vector (and of a 32-bit word of 16-bit
//!   scores), in every type;
//! - 11 rows of few classes and lists of them, smoothed: resident rows that end within a vector.

use crate::common::each::on_every_adapter;
use crate::common::random::{Random, rounded};
use crate::common::{Case, OwnedTargets, plain};
use gpu_loss::loss::Kind;
use gpu_loss::plan::Strategy;
use gpu_loss::{Dtype, GpuLoss};
use ndarray::{ArrayD, IxDyn};

/// A batch against classes, the last row's label the last class.
fn classes(n: usize, c: usize, dtype: Dtype) -> Case {
    let mut r = Random((n * c) as u64);
    let scores = ArrayD::from_shape_simple_fn(IxDyn(&[n, c]), || 3.0 * r.normal());
    let labels = ArrayD::from_shape_fn(IxDyn(&[n]), |at| if at[0] == n - 1 { c as i64 - 1 } else { r.below(c) as i64 });
    let name = format!("{n} × {c} {}", dtype.name());
    let (spec, targets) = (plain(Kind::SoftmaxCe), OwnedTargets::Classes(labels));
    Case::new(name, spec, rounded(scores, dtype), dtype, targets)
}

/// As many true classes a row as there are rows in ten, in lists.
fn lists(mut case: Case) -> Case {
    let mut r = Random(9);
    let (mut offsets, mut indices) = (vec![0], vec![]);
    for _ in 0..case.scores.shape()[0] {
        indices.extend((0..case.scores.shape()[1] as i64).filter(|_| r.chance(10)));
        offsets.push(indices.len() as i64);
    }
    case.targets = OwnedTargets::Lists(offsets, indices);
    case
}

#[test]
fn seventy_thousand_rows() {
    let softmax = classes(70_000, 2, Dtype::F32);
    let mut sigmoid = lists(softmax.clone());
    sigmoid.spec = plain(Kind::SigmoidCe);
    on_every_adapter(|gpu| {
        softmax.check_under(gpu, &without_workgroups(&softmax, gpu));
        sigmoid.check(gpu);
    });
}

/// A workgroup for every few of so many rows takes long on a processor: that strategy has smaller batches.
fn without_workgroups(case: &Case, gpu: &GpuLoss) -> Vec<Strategy> {
    case.strategies(gpu).into_iter().filter(|s| *s != Strategy::WorkgroupRow).collect()
}

#[test]
fn one_row_more_than_sixty_five_thousand_five_hundred_and_thirty_six() {
    let softmax = classes(65_537, 3, Dtype::F32);
    let half = classes(65_537, 3, Dtype::F16);
    let mut given = softmax.clone();
    given.spec = plain(Kind::Ce);
    given.scores.mapv_inplace(|x| 1.0 / (1.0 + x.abs()));
    on_every_adapter(|gpu| {
        softmax.check_under(gpu, &without_workgroups(&softmax, gpu));
        [&half, &given].iter().for_each(|case| case.check_under(gpu, &case.strategies(gpu)[..1]));
    });
}

#[test]
fn one_row_of_a_hundred_and_thirty_thousand_classes() {
    let softmax = classes(1, 131_075, Dtype::F32);
    let listed = lists(softmax.clone());
    on_every_adapter(|gpu| [&softmax, &listed].iter().for_each(|case| case.check(gpu)));
}

#[test]
fn an_odd_vocabulary_in_f32() {
    let case = classes(3, 50_257, Dtype::F32);
    on_every_adapter(|gpu| case.check(gpu));
}

#[test]
fn an_odd_vocabulary_in_f16() {
    let case = classes(3, 50_257, Dtype::F16);
    on_every_adapter(|gpu| case.check(gpu));
}

#[test]
fn an_odd_vocabulary_in_bf16() {
    let case = classes(3, 50_257, Dtype::Bf16);
    on_every_adapter(|gpu| case.check(gpu));
}

#[test]
fn lists_of_rows_that_end_within_a_quad() {
    // Resident rows ask lists class by class under smoothing; what lies outside of the row must not move them on.
    let cases: Vec<Case> = [5, 7, 133]
        .into_iter()
        .map(|c| {
            let mut case = lists(classes(11, c, Dtype::F32));
            case.spec.label_smoothing = 0.1;
            case
        })
        .collect();
    on_every_adapter(|gpu| cases.iter().for_each(|case| case.check(gpu)));
}
