//! One plan used for two things at once.

use gpu_loss::builder::AdapterFilter;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::plan::Strategy;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Shape, wgpu};
use std::sync::{Arc, Mutex, OnceLock};

use crate::common::memory::{Arena, download};
use crate::common::random::Random;
use crate::common::{name, plain};

/// A batch on the device, in an arena of its own.
struct OnDevice {
    arena: Arena,
    buffer: wgpu::Buffer,
}

impl OnDevice {
    fn new(gpu: &GpuLoss, spec: &Spec, [rows, classes]: [usize; 2], labels: &[i64], seed: u64) -> Self {
        let mut r = Random(seed);
        let scores: Vec<f32> = (0..rows * classes).map(|_| 3.0 * r.normal()).collect();
        let mut arena = Arena::default();
        arena.put("scores", bytemuck::cast_slice(&scores));
        arena.put("targets", bytemuck::cast_slice(labels));
        arena.room("grad", 4 * scores.len() as u64);
        arena.room("loss", 4);
        if spec.kind.per_row() {
            arena.room("lse", 4 * rows as u64);
        }
        let buffer = arena.upload(gpu);
        OnDevice { arena, buffer }
    }

    fn buffers(&self) -> Buffers<'_> {
        self.arena.slices(&self.buffer, "")
    }

    /// Gradient, loss and log-sum-exps.
    fn results(&self, gpu: &GpuLoss) -> Vec<Vec<u8>> {
        let bytes = download(gpu, &self.buffer);
        ["grad", "loss", "lse"].iter().filter_map(|name| self.arena.read(&bytes, name).map(<[u8]>::to_vec)).collect()
    }
}

fn encoded(gpu: &GpuLoss, plan: &Plan, batch: &OnDevice) -> wgpu::CommandBuffer {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    plan.encode(&mut encoder, &batch.buffers()).expect("encodes");
    encoder.finish()
}

fn layout(kind: Kind, [rows, classes]: [usize; 2]) -> Layout {
    let mut layout = Layout::forward_backward(Shape::new(rows, classes), Dtype::F32);
    (layout.outputs.lse, layout.outputs.correct) = (kind.is_softmax(), kind.per_row());
    layout
}

/// What strikes while a plan is submitted in pieces.
type Between = Arc<Mutex<Option<Box<dyn Fn() + Send>>>>;

/// A front door of its own on each adapter, whose plans submit dispatch by dispatch, and what happens in between.
fn in_pieces(test: impl Fn(&GpuLoss, &Between)) {
    for adapter in GpuLoss::adapters(&AdapterFilter::default()) {
        let gpu = GpuLoss::builder().self_test(false).on_adapter(&adapter).expect("opens");
        gpu.cut_submissions(1);
        let between = Between::default();
        let strikes = Arc::clone(&between);
        gpu.strike(move |during| {
            if during == "between pieces"
                && let Some(strike) = &*strikes.lock().expect("one thread")
            {
                strike();
            }
            None
        });
        test(&gpu, &between);
    }
}

/// The pieces of a large batch's submission shared scratch with whatever else was submitted over the same plan in between,
/// recorded then or before: losses and gradients came out several times too large.
///
/// Seen to fail: with pieces that use the scratch of `Plan::encode`.
#[test]
fn pieces_of_a_submission_stand_beside_other_uses_of_the_plan() {
    const SHAPE: [usize; 2] = [9, 70];
    // Many rows are ignored in one batch, and few in the other: their means divide by 2 and 9.
    let few: Vec<i64> = (0..9).map(|row| if row < 7 { -100 } else { row }).collect();
    let all: Vec<i64> = (0..9).collect();
    in_pieces(|gpu, between| {
        for (kind, strategy) in [
            (Kind::SoftmaxCe, Strategy::ThreadRow),
            (Kind::SoftmaxCe, Strategy::SplitRow),
            (Kind::SigmoidCe, Strategy::WorkgroupTree),
        ] {
            let what = format!("{} {} {}", name(gpu), kind.name(), strategy.name());
            let gpu = &gpu.with_strategy(strategy);
            let mut spec = plain(kind);
            spec.ignore_index = Some(-100);
            let plan = Arc::new(gpu.plan(&spec, &layout(kind, SHAPE)).expect("a plan"));
            let large = OnDevice::new(gpu, &spec, SHAPE, &few, 1);
            let other = Arc::new(OnDevice::new(gpu, &spec, SHAPE, &all, 2));
            let alone = [&large, &*other].map(|batch| {
                gpu.queue().submit([encoded(gpu, &plan, batch)]);
                batch.results(gpu)
            });
            assert_ne!(alone[0][1], alone[1][1], "{what}");

            // One that was recorded before, and then one that is recorded in between.
            let before = Mutex::new(Some(encoded(gpu, &plan, &other)));
            let strikes = Arc::new(OnceLock::new());
            let strike = {
                let (gpu, plan, other, strikes) =
                    (gpu.clone(), Arc::clone(&plan), Arc::clone(&other), Arc::clone(&strikes));
                move || {
                    let _ = strikes.set(());
                    let work = before.lock().expect("one thread").take();
                    gpu.queue().submit([work.unwrap_or_else(|| encoded(&gpu, &plan, &other))]);
                }
            };
            *between.lock().expect("one thread") = Some(Box::new(strike));
            pollster::block_on(plan.submit(&large.buffers())).expect("submits");
            *between.lock().expect("one thread") = None;
            assert!(strikes.get().is_some(), "{what}: submitted at once");
            assert_eq!([&large, &*other].map(|batch| batch.results(gpu)), alone, "{what}");
        }
    });
}

/// What went wrong in pieces is told with what went wrong elsewhere; correct rows are those of the last run.
///
/// Meant to fail (not seen yet): with a status of the pieces that nobody reads.
#[test]
fn a_plan_s_status_counts_what_was_submitted_in_pieces() {
    const SHAPE: [usize; 2] = [9, 70];
    in_pieces(|gpu, _| {
        let plan = gpu.plan(&plain(Kind::SoftmaxCe), &layout(Kind::SoftmaxCe, SHAPE)).expect("a plan");
        let good = OnDevice::new(gpu, &plain(Kind::SoftmaxCe), SHAPE, &[0; 9], 3);
        let bad = OnDevice::new(gpu, &plain(Kind::SoftmaxCe), SHAPE, &[0, 0, 0, 70, 0, 0, 0, 0, -1], 3);
        let worse = OnDevice::new(gpu, &plain(Kind::SoftmaxCe), SHAPE, &[0, 0, 0, 0, 0, 70, 0, 0, 0], 3);
        gpu.queue().submit([encoded(gpu, &plan, &good)]);
        let correct = plan.read_status().expect("good labels");
        pollster::block_on(plan.submit(&good.buffers())).expect("submits");
        assert_eq!(plan.read_status().expect("good labels"), correct);
        pollster::block_on(plan.submit(&bad.buffers())).expect("submits");
        gpu.queue().submit([encoded(gpu, &plan, &worse)]);
        let error = plan.read_status().expect_err("three bad rows").to_string();
        assert!(error.starts_with("row 3: ") && error.ends_with("(3 such rows)"), "{error}");
        assert_eq!(plan.read_status().expect("nothing since"), 0);
    });
}
