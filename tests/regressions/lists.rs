//! Class lists on the device that mean nothing.

use crate::common::memory::range;
use crate::common::values::grad_of;
use gpu_loss::batch::TargetForm;
use gpu_loss::loss::Kind;
use gpu_loss::wgpu::BufferUsages;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, wgpu};
use ndarray::{ArrayD, Dimension as _, IxDyn};

use crate::common::device::{Variation, Way, narrow, submit};
use crate::common::each::under_every_strategy;
use crate::common::{Case, OwnedTargets, plain};

const CLASSES: i64 = 12;

/// Lists of which some are bad in every way that there is; and which.
fn lists(rows: usize) -> (Vec<i64>, Vec<i64>, Vec<bool>) {
    let kinds: [(&[i64], bool); 9] = [
        (&[1, 5, 11], false),
        (&[5, 1], true),
        (&[3, 3], true),
        (&[2, CLASSES], true),
        (&[-1, 4], true),
        (&[(1 << 40) + 2], true),
        (&[], false),
        (&[0, 4, 2, 6], true),
        (&[7], false),
    ];
    let (mut offsets, mut indices, mut bad) = (vec![0], Vec::new(), Vec::new());
    for row in 0..rows {
        let (list, is_bad) = kinds[row % kinds.len()];
        indices.extend_from_slice(list);
        offsets.push(indices.len() as i64);
        bad.push(is_bad);
    }
    if rows > 20 {
        // Offsets that decrease: the row before them is bad, and the one behind has all that it had, and more.
        let at = rows - 2;
        offsets[at] = offsets[at - 1] - 1;
        bad[at - 1] = true;
        bad[at] = true;
    }
    (offsets, indices, bad)
}

/// A case with such lists, and the same with empty ones in their place.
fn cases(kind: Kind, dims: &[usize]) -> (Case, Case, Vec<bool>) {
    let rows = dims.iter().product::<usize>() / dims[1];
    let (offsets, indices, bad) = lists(rows);
    let (mut good_offsets, mut good_indices) = (vec![0], Vec::new());
    for row in 0..rows {
        if !bad[row] {
            good_indices.extend_from_slice(&indices[offsets[row] as usize..offsets[row + 1] as usize]);
        }
        good_offsets.push(good_indices.len() as i64);
    }
    let scores = ArrayD::from_shape_fn(IxDyn(dims), |at| {
        let mix = at.slice().iter().fold(7_usize, |mix, i| mix * 31 + i);
        0.05 + (mix % 97) as f32 / 108.0
    });
    let name = format!("bad lists of {}", kind.name());
    let of = |targets| Case::new(&name, plain(kind), scores.clone(), Dtype::F32, targets);
    (of(OwnedTargets::Lists(offsets, indices)), of(OwnedTargets::Lists(good_offsets, good_indices)), bad)
}

/// Rows whose lists are bad have NaN losses and no gradient, all others what they would have without them.
fn check(gpu: &GpuLoss, kind: Kind, dims: &[usize], in_place: bool) {
    let (case, good, bad) = cases(kind, dims);
    let variation = Variation { way: Way::Whole, in_place, ..Variation::PLAIN };
    let got = case.run_on_device(gpu, &variation).expect("runs");
    let want = good.run_on_device(gpu, &variation).expect("runs");
    assert!(got.loss.is_nan(), "{kind:?} {dims:?}: {}", got.loss);
    let (losses, without) = (got.losses.clone().expect("losses"), want.losses.clone().expect("losses"));
    let inner: usize = dims[2..].iter().product();
    let row_of = |element: usize| element / (dims[1] * inner) * inner + element % inner;
    let per_row = losses.len() == bad.len();
    for (at, (got, want)) in losses.iter().zip(&without).enumerate() {
        let row = if per_row { at } else { row_of(at) };
        let right = if bad[row] { got.is_nan() } else { got.to_bits() == want.to_bits() };
        assert!(right, "{kind:?} {dims:?}: loss {at} of row {row}: {got}, {want} without bad lists");
    }
    for (at, (got, want)) in grad_of(&got).iter().zip(grad_of(&want)).enumerate() {
        let row = row_of(at);
        let right = if bad[row] { *got == 0.0 } else { got.to_bits() == want.to_bits() };
        assert!(right, "{kind:?} {dims:?}: gradient {at} of row {row}: {got}, {want} without bad lists");
    }
}

/// The elements of a row see only the part of its list that they look for: `sigmoid_ce`, `sigmoid_focal` and `bce` gave
/// rows with bad lists a finite loss and a gradient.
///
/// Seen to fail: without `is_bad` in `elementwise/elementwise.wgsl`.
#[test]
fn bad_lists_make_their_rows_nan_and_no_other() {
    for kind in Kind::ALL.iter().copied().filter(|kind| kind.targets().contains(&TargetForm::Lists)) {
        for dims in [&[21, CLASSES as usize][..], &[3, CLASSES as usize, 7], &[2, CLASSES as usize, 4, 3]] {
            under_every_strategy(kind, dims, |gpu| {
                check(gpu, kind, dims, false);
                check(gpu, kind, dims, true);
            });
        }
    }
}

/// The same where a batch takes several dispatches, each of which sees a window of the rows.
#[test]
fn bad_lists_are_told_in_chunks_too() {
    for kind in [Kind::SigmoidCe, Kind::Bce] {
        for dims in [&[6_001, CLASSES as usize][..], &[70, CLASSES as usize, 90]] {
            crate::common::each::on_every_adapter(|gpu| check(&narrow(gpu, 1 << 17), kind, dims, false));
        }
    }
}

/// The status tells how many, and the first, once for each time that they were met.
#[test]
fn the_status_tells_of_bad_lists() {
    under_every_strategy(Kind::SigmoidCe, &[7, CLASSES as usize], |gpu| {
        let (offsets, indices, bad) = lists(7);
        let buffer = |bytes: &[u8]| {
            let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: bytes.len().next_multiple_of(16) as u64,
                usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            gpu.queue().write_buffer(&buffer, 0, bytes);
            buffer
        };
        let [scores, grad, loss] = [336, 336, 16].map(|size| buffer(&vec![0; size]));
        let (targets, entries) = (buffer(bytemuck::cast_slice(&offsets)), buffer(bytemuck::cast_slice(&indices)));
        let shape = Shape::new(7, CLASSES as usize);
        let layout = Layout::forward_backward(shape, Dtype::F32).targets(TargetForm::Lists);
        let plan = gpu.plan(&plain(Kind::SigmoidCe), &layout).expect("a plan");
        let target_indices = range(&entries, 0, indices.len() as u64 * 8);
        let buffers = Buffers::new(&scores, &targets).target_indices(target_indices).grad(&grad).loss(&loss);
        submit(gpu, [(&plan, buffers)].into_iter()).expect("submitted");
        let error = plan.read_status().expect_err("bad lists").to_string();
        let count = bad.iter().filter(|bad| **bad).count();
        assert!(error.starts_with("row 1:") && error.contains(&format!("({count} such rows)")), "{error}");
        assert_eq!(plan.read_status().expect("once told, it is over"), 0);
    });
}
