//! Sizes beyond a device's limits, and what is shared on it: workgroup memory, buffers, the order of sums.

use gpu_loss::loss::Kind;
use gpu_loss::plan::Strategy;
use gpu_loss::wgpu::util::DeviceExt;
use gpu_loss::{Batch, Buffers, Dtype, Error, GpuLoss, Layout, Shape, SoftmaxCe, verify, wgpu};
use ndarray::{Array2, ArrayD, IxDyn};

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::random::Random;
use crate::common::values::{all_near, grad_of, near};
use crate::common::{Case, OwnedTargets, plain};

/// unsloth#91: a vocabulary of more than 65,536.
///
/// Seen to fail: with labels of 16 bits in `target/labels.wgsl`.
#[test]
fn more_classes_than_sixteen_bits_count() {
    // 69,999 others: the loss of row 0 is ln(69,999 + e²⁰) − 20, of row 1 (true class 70 of score 0) 20 more.
    let mut scores = Array2::<f32>::zeros((2, 70_000));
    scores.column_mut(65_606).fill(20.0);
    under_every_strategy(Kind::SoftmaxCe, &[2, 70_000], |gpu| {
        let batch = Batch::new(scores.view(), &[65_606_i64, 70]).with_losses().with_argmax();
        let out = gpu.softmax_ce(&batch).expect("legal");
        let rest = 69_999.0 * (-20.0_f64).exp();
        let losses = out.losses.clone().expect("wanted");
        near(losses[[0]], rest.ln_1p());
        near(losses[[1]], 20.0 + rest.ln_1p());
        near(grad_of(&out)[[0, 65_606]], -0.5 * rest / (1.0 + rest));
        near(grad_of(&out)[[1, 65_606]], 0.5 / (1.0 + rest));
        near(grad_of(&out)[[1, 70]], -0.5);
        assert_eq!(out.argmax.clone().expect("wanted").iter().copied().collect::<Vec<_>>(), [65_606, 65_606]);
    });
}

/// mlx-lm#1719: no barrier between two uses of the same workgroup memory: one part of the workgroup wrote the second
/// reduction over what another still read of the first.
///
/// Seen to fail: without the last `workgroupBarrier` of `team_max` and `team_sum` in `team/workgroup.wgsl`.
#[test]
fn reductions_do_not_run_into_each_other() {
    let mut r = Random(17);
    let scores = ArrayD::from_shape_simple_fn(IxDyn(&[9, 1030]), || 5.0 * r.normal());
    let targets = OwnedTargets::Classes(ArrayD::from_shape_simple_fn(IxDyn(&[9]), || r.below(1030) as i64));
    let case = Case::new("9 × 1030", plain(Kind::SoftmaxCe), scores, Dtype::F32, targets);
    on_every_adapter(|gpu| case.check(gpu));
}

/// PyTorch#46024: a loss that is not the same in every run.
///
/// Seen to fail: with `reduce/sum.wgsl` adding to what its output held.
#[test]
fn every_run_gives_the_same_bits() {
    let mut r = Random(46);
    let scores = Array2::from_shape_simple_fn((700, 37), || 5.0 * r.normal());
    let labels: Vec<i64> = (0..700).map(|_| r.below(37) as i64).collect();
    under_every_strategy(Kind::SoftmaxCe, &[700, 37], |gpu| {
        let batch = Batch::new(scores.view(), &labels).with_losses().with_correct();
        let loss = SoftmaxCe::default().label_smoothing(0.1);
        let first = gpu.run(&loss, &batch).expect("legal");
        assert!(first.loss > 1.0 && first.loss < 50.0, "{}", first.loss);
        for _ in 0..4 {
            let again = gpu.run(&loss, &batch).expect("legal");
            assert_eq!((again.loss, &again.losses, again.correct), (first.loss, &first.losses, first.correct));
            assert_eq!(again.grad, first.grad);
        }
    });
}

/// burn#3011: 81,920 workgroups in one dimension, where a dispatch takes 65,535.
///
/// Seen to fail: with a one-dimensional grid in `plan/build.rs`.
#[test]
fn more_workgroups_than_a_dimension_holds() {
    // A workgroup a row; four classes, so that no rows share one.
    let scores = Array2::<f32>::zeros((81_920, 4));
    let labels: Vec<i64> = (0..81_920).map(|row| row % 4).collect();
    on_every_adapter(|gpu| {
        let gpu = &gpu.with_strategy(Strategy::WorkgroupTree);
        let batch = Batch::new(scores.view(), &labels).with_losses();
        let out = gpu.softmax_ce(&batch);
        let out = out.expect("legal");
        near(out.loss, 4.0_f64.ln());
        out.losses.clone().expect("wanted").iter().for_each(|loss| near(*loss, 4.0_f64.ln()));
        let other = 0.25 / 81_920.0;
        all_near(grad_of(&out).row(81_919), &[other, other, other, -3.0 * other]);
        all_near(grad_of(&out).row(65_535), &[other, other, other, -3.0 * other]);
    });
}

/// brush#500: a buffer over the device's limit panicked.
///
/// Seen to fail: with `schedule/chunk.rs` cutting pieces of four classes although no binding can span them.
#[test]
fn a_batch_over_the_limit_is_an_error() {
    on_every_adapter(|gpu| {
        // One image of two classes, of more bytes than a binding spans. Nothing of that size is made.
        let most = gpu.device().limits().max_storage_buffer_binding_size.min((1 << 31) - 256);
        let shape = Shape::spatial(1, 2, (most / 8 + 1) as usize);
        let error =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(shape, Dtype::F32)).expect_err("over the limit");
        let Error::Limit { limit, got, needed, .. } = error else { panic!("{error}") };
        assert_eq!(limit, "max_storage_buffer_binding_size");
        assert!(got <= most && needed > got, "{got} {needed}");
        // The device goes on serving.
        let scores = Array2::<f32>::zeros((1, 2));
        near(gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64])).expect("legal").loss, 2.0_f64.ln());
    });
}

/// Liger-Kernel (unnumbered): the scores of ignored rows were overwritten though no gradient was asked for; and
/// Liger-Kernel#272: the gradient was written over scores that were needed later. Scores in a buffer of the caller's
/// stay as they are unless the gradient is to replace them.
///
/// Seen to fail: with `row/results.wgsl` writing zeros over the first scores of ignored rows.
#[test]
fn scores_stay_as_they_are() {
    under_every_strategy(Kind::SoftmaxCe, &[3, 4], |gpu| {
        for grad in [false, true] {
            let scores = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.0, 0.0, 0.0, 0.0];
            let (left, loss) = encoded(gpu, &scores, &[-1, -1, 2], grad);
            assert_eq!(left, scores, "grad: {grad}");
            near(loss, 4.0_f64.ln());
        }
    });
}

/// Runs a plan over the caller's own buffers; returns what the scores' holds afterwards, and the loss.
fn encoded(gpu: &GpuLoss, scores: &[f32; 12], labels: &[i64; 3], grad: bool) -> (Vec<f32>, f32) {
    let (device, queue) = (gpu.device(), gpu.queue());
    let mut layout = Layout::forward_backward(Shape::new(3, 4), Dtype::F32);
    layout.outputs.grad = grad;
    let plan = gpu.plan(&SoftmaxCe::default().ignore_index(-1), &layout).expect("a plan");
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
    let made = |label, contents: &[u8]| {
        device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: Some(label), contents, usage })
    };
    let given = made("scores", bytemuck::cast_slice(scores));
    let targets = made("labels", bytemuck::cast_slice(labels));
    let (gradient, loss) = (made("gradient", &[0; 48]), made("loss", &[0; 16]));
    let buffers = Buffers::new(&given, &targets).grad(grad.then_some(&gradient)).loss(&loss);
    let staging = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: 64,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    plan.encode(&mut encoder, &buffers).expect("encodes");
    encoder.copy_buffer_to_buffer(&given, 0, &staging, 0, 48);
    encoder.copy_buffer_to_buffer(&loss, 0, &staging, 48, 4);
    queue.submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |mapped| mapped.expect("mapped"));
    device.poll(wgpu::PollType::Wait { submission_index: None, timeout: None }).expect("the device answers");
    let view = staging.slice(..).get_mapped_range().expect("mapped");
    let all: Vec<f32> = bytemuck::pod_collect_to_vec(&view[..52]);
    (all[..12].to_vec(), all[12])
}

/// Found by a soak: Mesa's software adapters end every loop of an invocation after 65,535 turns in all, and a list a row
/// took turns for each class, listed or not, that `Geometry::reach` did not reckon with. Losses came out without their
/// last classes.
///
/// Seen to fail: with a loop over four cursors in `target/lists.wgsl`.
#[test]
fn lists_down_thousands_of_classes_are_gone_along_to_their_end() {
    let cases = ["softmax_ce on lists, f32 [", "ce on lists, bf16 ["].map(|begin| {
        let found = (0..200_000).map(verify::random).find(|case| {
            let text = case.to_string();
            let dims = text.split(['[', ']']).nth(1).unwrap_or_default();
            let dims: Vec<usize> = dims.split(", ").filter_map(|n| n.parse().ok()).collect();
            let down = dims.len() > 2 && dims[2..].iter().product::<usize>() > 1;
            text.starts_with(begin) && text.contains("smoothing") && down && (4000..9000).contains(&dims[1])
        });
        found.unwrap_or_else(|| panic!("no seed gives {begin}"))
    });
    on_every_adapter(|gpu| {
        for case in &cases {
            for verdict in pollster::block_on(verify::check(gpu, case)).expect("legal") {
                assert!(verdict.difference.kept(), "{} {case}: {:?}", verdict.strategy.name(), verdict.difference);
            }
        }
    });
}
