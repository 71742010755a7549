//! Sizes that no device holds, refused by arithmetic: no array is made, copied or gone through for it.

use crate::common::memory::{buffer, range};
use std::time::{Duration, Instant};

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::Kind;
use gpu_loss::{Batch, Buffers, Dtype, Error, GpuLoss, Layout, Reduction, Shape, SoftmaxCe, Targets, wgpu};
use ndarray::{ArrayView1, IxDyn};

use crate::common::each::on_every_adapter;
use crate::common::plain;

/// Refuses within a moment, whatever else the machine does.
fn at_once<T: std::fmt::Debug>(what: &str, call: impl FnOnce() -> Result<T, Error>) -> Error {
    let begin = Instant::now();
    let error = call().expect_err(what);
    assert!(begin.elapsed() < Duration::from_secs(5), "{what}: {:?}", begin.elapsed());
    error
}

/// Shapes and strides of more bytes than any buffer took minutes and gigabytes.
///
/// Meant to fail (not seen yet): without `fits` in `plan/build.rs`.
#[test]
fn shapes_that_no_device_holds_are_refused_at_once() {
    on_every_adapter(|gpu| {
        for kind in [Kind::SoftmaxCe, Kind::SigmoidCe] {
            for (shape, stride) in [
                (Shape::new(4_294_967_230, 65_536), None),
                (Shape::new(4_294_967_230, 1), None),
                (Shape::new(65_536, 4_294_967_230), None),
                (Shape::spatial(1 << 16, 1 << 16, 1 << 16), None),
                (Shape::new(1 << 22, 2), Some(1 << 25)),
                (Shape::new(4096, 2), Some(1 << 25)),
                (Shape::new(2, 2), Some(1 << 40)),
                (Shape::new(1 << 31, 1), Some(1 << 17)),
            ] {
                let tight = Layout::forward_backward(shape, Dtype::F32);
                let layout = stride.map_or(tight, |stride| tight.strides(stride, stride));
                let what = format!("{} {shape:?} {stride:?}", kind.name());
                let error = at_once(&what, || gpu.plan(&plain(kind), &layout));
                assert!(matches!(error, Error::Limit { .. }), "{what}: {error}");
                let error = at_once(&what, || gpu.describe(&plain(kind), &layout));
                assert!(matches!(error, Error::Limit { .. }), "{what}: {error}");
            }
        }
    });
}

/// A view with strides of 0, of more rows than can be numbered, was copied, or gone through value by value, first.
///
/// Meant to fail (not seen yet): with the layout checked behind `HostArrays::new` in `api/host.rs`.
#[test]
fn views_of_more_rows_than_can_be_numbered_are_refused_before_they_are_copied() {
    let one = [0.5_f32];
    let label = [0_i64];
    on_every_adapter(|gpu| {
        let scores = ArrayView1::from(&one).into_dyn();
        let scores = scores.broadcast(IxDyn(&[1 << 33, 2])).expect("one value");
        let labels = ArrayView1::from(&label).into_dyn();
        let labels = labels.broadcast(IxDyn(&[1 << 33])).expect("one value");
        for kind in [Kind::SoftmaxCe, Kind::Ce, Kind::Bce] {
            let batch = Batch::new(scores.clone(), &labels);
            let error = at_once(kind.name(), || gpu.run(&plain(kind), &batch));
            assert!(matches!(error, Error::Limit { needed: 8_589_934_592, .. }), "{error}");
            let dense = Batch::new(scores.clone(), Targets::probabilities(scores.clone()));
            let error = at_once(kind.name(), || gpu.run(&plain(kind), &dense));
            assert!(matches!(error, Error::Limit { .. }), "{error}");
        }
    });
}

/// `n = 0` beside huge strides overflowed in debug builds.
///
/// Seen to fail: with strides checked times `n` in `layout/mod.rs`.
#[test]
fn no_rows_at_huge_strides() {
    on_every_adapter(|gpu| {
        for kind in [Kind::SoftmaxCe, Kind::SigmoidCe, Kind::Bce] {
            for stride in [usize::MAX, usize::MAX / 2, 1 << 62, 1 << 49] {
                let layout = Layout::forward_backward(Shape::new(0, 2), Dtype::F32).strides(stride, stride);
                let error = gpu.plan(&plain(kind), &layout).expect_err("no such stride");
                assert!(matches!(error, Error::Limit { .. }), "{error}");
            }
            let wide = Shape::spatial(0, 4_000_000_000, 4_000_000_000);
            gpu.plan(&plain(kind), &Layout::forward_backward(wide, Dtype::F32)).expect_err("no such shape");
            gpu.plan(&plain(kind), &Layout::forward_backward(Shape::new(0, 2), Dtype::F32)).expect("nothing to do");
        }
        let scores = ndarray::Array2::<f32>::zeros((0, 1 << 50));
        let out = gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64; 0])).expect("no rows");
        assert!(out.loss.is_nan());
    });
}

/// A plan for no rows of so many classes that several invocations would share each divided by the 0 parts that there were.
///
/// Seen to fail: without the return for no rows in `whole_rows` of `schedule/passes.rs`.
#[test]
fn no_rows_of_more_classes_than_one_walk_takes() {
    on_every_adapter(|gpu| {
        for classes in [1 << 20, 1 << 31] {
            for kind in [Kind::SoftmaxCe, Kind::SoftmaxFocal, Kind::Ce] {
                let layout = Layout::forward_backward(Shape::new(0, classes), Dtype::F32);
                gpu.plan(&plain(kind), &layout).expect("nothing to do");
                gpu.plan_pair(&plain(kind), &layout).expect("nothing to do, in halves");
            }
        }
    });
}

/// A device that binds at most 64 KiB.
fn narrow(gpu: &GpuLoss) -> GpuLoss {
    crate::common::device::narrow(gpu, 1 << 16)
}

/// The indices of lists are one binding: beyond what the device binds, the driver's own words came back.
///
/// Seen to fail: with `part` of `plan/resolve.rs` binding whatever is given.
#[test]
fn list_indices_beyond_a_binding_are_named_with_the_limit() {
    on_every_adapter(|gpu| {
        let gpu = &narrow(gpu);
        let layout = Layout::forward_backward(Shape::new(4, 5), Dtype::F32).targets(TargetForm::Lists);
        let plan = gpu.plan(&SoftmaxCe::default(), &layout).expect("a plan");
        let [scores, grad, offsets, loss] = [80, 80, 48, 16].map(|size| buffer(gpu, size));
        let indices = buffer(gpu, 1 << 18);
        let good = Buffers::new(&scores, &offsets).grad(&grad).loss(&loss);
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        plan.encode(&mut encoder, &good.target_indices(range(&indices, 0, 1 << 16))).expect("just fits");
        let error = plan.encode(&mut encoder, &good.target_indices(&indices)).expect_err("too many");
        let Error::Limit { limit, got, needed, .. } = &error else { panic!("{error}") };
        assert_eq!((*limit, *got, *needed), ("max_storage_buffer_binding_size", 1 << 16, 1 << 18));
    });
}

/// Small arrays given as "the rest of a buffer" are bound in their own size, however much is behind them.
///
/// Seen to fail: with `part` of `plan/resolve.rs` binding all that is given.
#[test]
fn small_arrays_at_the_head_of_a_large_buffer() {
    on_every_adapter(|gpu| {
        let gpu = &narrow(gpu);
        let layout = Layout::forward_backward(Shape::new(4, 5), Dtype::F32)
            .upstream(gpu_loss::layout::Upstream::Scalar)
            .denominator();
        let loss = SoftmaxCe::default().reduction(Reduction::Mean);
        let plan = gpu.plan(&loss, &layout).expect("a plan");
        let [scores, grad, labels] = [80, 80, 48].map(|size| buffer(gpu, size));
        let [out, upstream, denominator, status] = [1 << 18; 4].map(|size| buffer(gpu, size));
        let buffers = Buffers::new(&scores, &labels).grad(&grad).loss(&out);
        let buffers = buffers.upstream(&upstream).denominator(&denominator).status(&status);
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        plan.encode(&mut encoder, &buffers).expect("small enough");
    });
}
