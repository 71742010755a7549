//! The caller's buffers, misused: overlapping, not written by the plan, destroyed, of another device.

use crate::common::memory::{buffer, range};
use gpu_loss::batch::Outputs;
use gpu_loss::layout::Mode;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Buffers, Dtype, Error, GpuLoss, Layout, Plan, Reduction, Result, Shape, SoftmaxCe, wgpu};

use crate::common::each::on_every_adapter;
use crate::common::plain;

const ROWS: usize = 3;
const CLASSES: usize = 5;

fn encode(gpu: &GpuLoss, plan: &Plan, buffers: &Buffers<'_>) -> Result<()> {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let encoded = plan.encode(&mut encoder, buffers);
    // What was refused leaves an encoder that can be finished.
    drop(encoder.finish());
    encoded
}

fn told(result: Result<()>) -> String {
    match result {
        Err(Error::Buffer { what, problem }) => format!("{what}: {problem}"),
        other => panic!("{other:?}"),
    }
}

fn layout() -> Layout {
    Layout::forward_backward(Shape::new(ROWS, CLASSES), Dtype::F32)
}

/// A gradient written over the scores of a plan that is out of place was off by 1e-4, without a word; so were all ranges
/// that overlapped what is written.
///
/// Seen to fail: without `check_ranges` in `plan/check.rs`.
#[test]
fn ranges_that_overlap_what_is_written_are_refused() {
    on_every_adapter(|gpu| {
        let want = Outputs::default().with_losses().with_lse().with_argmax();
        let plan = gpu.plan(&SoftmaxCe::default(), &layout().outputs(want).with_statistics()).expect("a plan");
        let arena = buffer(gpu, 8192);
        let names = ["scores", "targets", "grad", "loss", "losses", "lse", "argmax", "statistics", "status"];
        // Each from a multiple of 256 on, as large as the largest.
        let at = |places: [u64; 9]| {
            let [scores, targets, grad, loss, losses, lse, argmax, statistics, status] =
                places.map(|place| range(&arena, 256 * place, 256));
            let buffers = Buffers::new(scores, targets).grad(grad).loss(loss).losses(losses);
            buffers.lse(lse).argmax(argmax).statistics(statistics).status(status)
        };
        let apart = [0, 1, 2, 3, 4, 5, 6, 7, 8];
        encode(gpu, &plan, &at(apart)).expect("apart");
        for one in 0..9 {
            for other in 0..one {
                let mut places = apart;
                places[one] = places[other];
                let result = encode(gpu, &plan, &at(places));
                let both = [names[one], names[other]];
                if both == ["targets", "scores"] {
                    result.expect("only read");
                    continue;
                }
                let text = told(result);
                assert!(both.iter().all(|name| text.contains(name)), "{both:?}: {text}");
            }
        }
        // What is only read may be shared, and a range that ends where another begins, though it is given to its end.
        let mut spec = plain(Kind::SigmoidCe);
        spec.reduction = Reduction::None;
        let elements = layout().upstream(gpu_loss::layout::Upstream::PerLoss).element_weights();
        let plan = gpu.plan(&spec, &elements).expect("a plan");
        let from = |place: u64| wgpu::BufferBinding { buffer: &arena, offset: 256 * place, size: None };
        let shared = Buffers::new(from(0), from(1)).upstream(from(0)).element_weights(from(0));
        encode(gpu, &plan, &shared.grad(from(2)).loss(from(3)).losses(from(4)).status(from(5))).expect("only read");
        let alone = buffer(gpu, 256);
        let over = shared.grad(&alone).loss(from(3)).losses(from(4));
        encode(gpu, &plan, &over).expect("still");
        assert!(told(encode(gpu, &plan, &over.grad(from(0)))).contains("scores"));
    });
}

/// A range that ends one vector behind where another begins overlaps too: rows are written by whole 16 bytes.
///
/// Seen to fail: without `check_ranges` in `plan/check.rs`.
#[test]
fn ranges_that_overlap_in_their_last_bytes_are_refused() {
    on_every_adapter(|gpu| {
        let plan =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(16, 5), Dtype::F32)).expect("a plan");
        let (arena, targets, loss) = (buffer(gpu, 1024), buffer(gpu, 128), buffer(gpu, 16));
        // 320 bytes of scores; the gradient's begin at the 257th.
        let buffers = Buffers::new(range(&arena, 0, 320), &targets).loss(&loss);
        let text = told(encode(gpu, &plan, &buffers.grad(range(&arena, 256, 320))));
        assert!(text.contains("scores"), "{text}");
        encode(gpu, &plan, &buffers.grad(range(&arena, 512, 320))).expect("apart");
    });
}

/// Outputs that the plan does not write were taken in silence: an optimiser stepped by the zeros of a gradient that the
/// plan had put in the scores' place.
///
/// Seen to fail: without `check_outputs` in `plan/check.rs`.
#[test]
fn outputs_that_the_plan_does_not_write_are_refused() {
    on_every_adapter(|gpu| {
        let [scores, grad, other] = [64, 64, 256].map(|size| buffer(gpu, size));
        let (labels, loss) = (buffer(gpu, 24), buffer(gpu, 16));
        let good = Buffers::new(&scores, &labels).grad(&grad).loss(&loss);
        let refused = |spec: &Spec, layout: Layout, buffers: Buffers<'_>, what: &str, ask: &str| {
            let plan = gpu.plan(spec, &layout).expect("a plan");
            let text = told(encode(gpu, &plan, &buffers));
            assert!(text.starts_with(what) && text.contains(ask), "{text}");
        };
        let softmax = plain(Kind::SoftmaxCe);
        refused(&softmax, layout(), good.lse(&other), "lse: ", "Outputs::lse");
        refused(&softmax, layout(), good.argmax(&other), "argmax: ", "Outputs::argmax");
        refused(&softmax, layout(), good.statistics(&other), "statistics: ", "Layout::statistics");
        refused(&plain(Kind::SigmoidCe), layout(), good.losses(&other), "losses: ", "Outputs::losses");
        let in_place = layout().in_place();
        refused(&softmax, in_place, good, "grad: ", "Layout::in_place");
        let loss_only = layout().outputs(Outputs::default().loss_only());
        refused(&softmax, loss_only, good, "grad: ", "Outputs::grad");
        let backward = layout().mode(Mode::Gradient);
        refused(&softmax, backward, good.statistics(&other), "loss: ", "Mode::Gradient");
        let shard = layout().shard(0, 10).mode(Mode::Statistics);
        let statistics = good.loss(None::<&wgpu::Buffer>).statistics(&other);
        refused(&softmax, shard, statistics, "grad: ", "Mode::Statistics");
        // Inputs that a plan does not need are taken, and losses of rows, which it makes in any case.
        let plan = gpu.plan(&softmax, &layout()).expect("a plan");
        encode(gpu, &plan, &good.losses(&other).upstream(&scores).denominator(&loss)).expect("harmless");
    });
}

/// Bind groups of an encode that failed were kept: the next over the same buffers said Ok, and the caller's `finish`
/// panicked.
///
/// Seen to fail: with bind groups kept whatever the device said to them.
#[test]
fn buffers_that_are_destroyed_or_foreign_are_refused_every_time() {
    on_every_adapter(|gpu| {
        let info = gpu.adapter_info().clone();
        let adapters = GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default());
        let adapter = adapters.iter().find(|adapter| adapter.get_info() == info).expect("the same adapter");
        let elsewhere = GpuLoss::on_adapter(adapter).expect("another device");
        let plan = gpu
            .plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(ROWS, CLASSES), Dtype::F32))
            .expect("a plan");
        let [scores, grad, foreign] = [gpu, gpu, &elsewhere].map(|on| buffer(on, 64));
        let (labels, loss, destroyed) = (buffer(gpu, 24), buffer(gpu, 16), buffer(gpu, 64));
        destroyed.destroy();
        let good = Buffers::new(&scores, &labels).loss(&loss);
        for bad in [&destroyed, &foreign] {
            for _ in 0..3 {
                let error = encode(gpu, &plan, &good.grad(bad)).expect_err("refused");
                assert!(matches!(error, Error::Device { .. }), "{error}");
                let error = pollster::block_on(plan.submit(&good.grad(bad))).expect_err("refused");
                assert!(matches!(error, Error::Device { .. }), "{error}");
            }
        }
        encode(gpu, &plan, &good.grad(&grad)).expect("the device goes on serving");
    });
}
