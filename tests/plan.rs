//! Plans on device memory: every way of using one, against the reference.

mod common;

use std::sync::Arc;

use common::device::{Variation, Way, difference, narrow, submit, takes_arriving};
use common::memory::{Arena, POISON, buffer, download, range};
use common::random::{self, Random};
use common::values::grad_of;
use common::{Case, OwnedTargets, adapters, name, plain};
use gpu_loss::batch::TargetForm;
use gpu_loss::layout::Mode;
use gpu_loss::loss::Kind;
use gpu_loss::{Batch, Buffers, Dtype, Error, GpuLoss, Layout, Reduction, Shape, SoftmaxCe, reference, wgpu};
use ndarray::Array2;

/// What a variation of a case must come to.
fn expected(case: &Case, v: &Variation) -> reference::Reference {
    let mut expected = case.reference().expect("the reference takes it");
    if let Some(arriving) = v.arriving {
        expected.grad.mapv_inplace(|g| g * f64::from(arriving));
        expected.terms.mapv_inplace(|t| t * f64::from(arriving).abs());
        for sums in expected.grad_class_bias.iter_mut().chain(&mut expected.class_bias_terms) {
            sums.mapv_inplace(|g| g * f64::from(arriving));
        }
    }
    expected
}

fn check(gpu: &GpuLoss, case: &Case, v: &Variation) {
    let what = format!("{} {v:?} {} {:?} {:?} {:?}", name(gpu), case.name, case.spec, case.dtype, case.scores.shape());
    let output = case.run_on_device(gpu, v).unwrap_or_else(|error| panic!("{what}: {error}"));
    let difference = difference(&output, case.dtype, &expected(case, v));
    assert!(difference.kept(), "{what}: {difference:?}");
}

/// A variation that suits the case, by the seed.
fn variation(case: &mut Case, way: Way, seed: u64) -> Variation {
    let mut r = Random(seed ^ 0x5eed);
    let gap = |r: &mut Random| r.pick(&[0, 0, 1, 3, 4, 6]);
    let in_place = way != Way::LossOnly && !matches!(way, Way::Shards(_) | Way::HostMerged(_)) && r.chance(2);
    let scores_gap = gap(&mut r);
    let grad_gap = if r.chance(2) { scores_gap } else { gap(&mut r) };
    let arriving = (takes_arriving(&case.spec) && r.chance(2)).then(|| r.pick(&[0.0, 0.25, -3.0]));
    let denominator = case.spec.reduction == Reduction::Mean && r.chance(3);
    if denominator {
        case.spec.denominator = Some(7.5);
    }
    Variation { way, in_place, scores_gap, grad_gap, arriving, denominator }
}

fn every_seed(seeds: std::ops::Range<u64>, way: impl Fn(&Case, u64) -> Option<Way>) {
    for gpu in adapters() {
        for seed in seeds.clone() {
            let mut case = random::case(seed);
            let Some(way) = way(&case, seed) else { continue };
            let strategies = case.strategies(&gpu);
            let gpu = &gpu.with_strategy(strategies[seed as usize % strategies.len()]);
            let v = variation(&mut case, way, seed);
            check(gpu, &case, &v);
        }
    }
}

#[test]
fn loss_and_gradient_in_and_out_of_place_at_any_stride() {
    every_seed(0..60, |_, _| Some(Way::Whole));
}

#[test]
fn the_loss_alone_leaves_the_scores_as_they_are() {
    every_seed(100..120, |_, _| Some(Way::LossOnly));
}

#[test]
fn the_gradient_from_saved_statistics() {
    every_seed(200..240, |case, _| {
        let suits = !case.spec.kind.per_row() || case.spec.kind.has_statistics();
        suits.then_some(Way::Halves)
    });
}

#[test]
fn shards_of_a_vocabulary_come_to_the_whole_rows() {
    every_seed(300..360, |case, seed| {
        let shards = [1, 2, 3, 7][seed as usize % 4];
        let suits = case.spec.kind.has_statistics()
            && case.targets.view().form() != TargetForm::MultiHot
            && case.shape().classes >= shards;
        suits.then_some(if seed % 3 == 0 { Way::HostMerged(shards) } else { Way::Shards(shards) })
    });
}

/// A large case of one kind, random but for its shape.
fn large(kind: Kind, dtype: Dtype, dims: &[usize], seed: u64) -> Case {
    random::of_classes(kind, dtype, dims, seed, |r| (r.unit() - 0.5) * 12.0)
}

/// The loss of a plan over buffers of its own.
fn loss_on_device(gpu: &GpuLoss, loss: &SoftmaxCe, scores: &Array2<f32>, labels: &[i64]) -> f32 {
    let shape = Shape::new(scores.nrows(), scores.ncols());
    let plan = gpu.plan(loss, &Layout::forward_backward(shape, Dtype::F32)).expect("a plan");
    let data: &[u8] = bytemuck::cast_slice(scores.as_slice().expect("in order"));
    let mut arena = Arena::default();
    arena.put("scores", data);
    arena.put("targets", bytemuck::cast_slice(labels));
    arena.room("grad", data.len() as u64);
    arena.room("loss", 4);
    let buffer = arena.upload(gpu);
    submit(gpu, std::iter::once((&plan, arena.slices(&buffer, "")))).expect("submits");
    bytemuck::pod_read_unaligned(arena.read(&download(gpu, &buffer), "loss").expect("a loss"))
}

/// Of small batches the host counts the labels and adds up the losses, in the device's order.
#[test]
fn one_call_gives_the_bits_of_a_plan() {
    let mut r = Random(5);
    for gpu in adapters() {
        for rows in [1, 63, 65, 1000, 4096, 4097] {
            let scores = Array2::from_shape_simple_fn((rows, 10), || 4.0 * r.normal());
            let labels: Vec<i64> = (0..rows).map(|_| r.below(10) as i64).collect();
            let weights: Vec<f32> = (0..10).map(|_| r.unit()).collect();
            for loss in [
                SoftmaxCe::default(),
                SoftmaxCe::default().class_weights(weights.clone()),
                SoftmaxCe::default().ignore_index(3),
                SoftmaxCe::default().reduction(Reduction::Sum),
            ] {
                let what = format!("{} {rows} rows {loss:?}", name(&gpu));
                let call = gpu.run(&loss, &Batch::new(scores.view(), &labels));
                let (call, plan) = (call.expect("legal").loss, loss_on_device(&gpu, &loss, &scores, &labels));
                // A GPU may divide by the denominator less exactly than a processor.
                let near = (call - plan).abs() <= 1e-6 * plan.abs();
                let software = gpu.adapter_info().device_type == wgpu::DeviceType::Cpu;
                assert!(call.to_bits() == plan.to_bits() || near && !software, "{what}: {call}, by the plan {plan}");
            }
        }
    }
}

#[test]
fn chunks_give_the_bits_of_the_whole() {
    // Over 1 MiB each: many rows, odd rows in 16 bits, rows of which four do not fit, images, elements.
    let cases = [
        large(Kind::SoftmaxCe, Dtype::F32, &[70_000, 5], 1),
        large(Kind::SoftmaxCe, Dtype::F32, &[700, 1000], 2),
        large(Kind::SoftmaxCe, Dtype::Bf16, &[801, 1001], 3),
        large(Kind::SoftmaxCe, Dtype::F32, &[5, 100_003], 4),
        large(Kind::SoftmaxFocal, Dtype::F16, &[9, 7, 150, 101], 5),
        large(Kind::SigmoidCe, Dtype::F16, &[1013, 777], 6),
    ];
    for gpu in adapters() {
        let narrow = narrow(&gpu, 1 << 20);
        for case in &cases {
            for in_place in [false, true] {
                let v = Variation { in_place, ..Variation::PLAIN };
                for strategy in case.strategies(&gpu).into_iter().take(2) {
                    let gpu = &gpu.with_strategy(strategy);
                    let narrow = &narrow.with_strategy(strategy);
                    let whole = case.run_on_device(gpu, &v).expect("whole");
                    let chunked = case.run_on_device(narrow, &v).expect("chunked");
                    let what = format!("{} {strategy:?} {} {v:?}", name(gpu), case.name);
                    assert_eq!(whole.loss.to_bits(), chunked.loss.to_bits(), "{what}");
                    assert!(whole.losses == chunked.losses && whole.lse == chunked.lse, "{what}: losses");
                    assert!(whole.grad == chunked.grad, "{what}: gradient");
                    if strategy == case.strategies(gpu)[0] && !in_place {
                        let difference = difference(&whole, case.dtype, &case.reference().expect("a reference"));
                        assert!(difference.kept(), "{what}: {difference:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn shapes_past_every_count_of_sixteen_bits() {
    for gpu in adapters() {
        check(&gpu, &large(Kind::SoftmaxCe, Dtype::F32, &[70_000, 2], 7), &Variation::PLAIN);
        for strategy in large(Kind::SoftmaxCe, Dtype::F32, &[1, 4], 0).strategies(&gpu) {
            let gpu = &gpu.with_strategy(strategy);
            check(gpu, &large(Kind::SoftmaxCe, Dtype::F32, &[1, 3_000_000], 8), &Variation::PLAIN);
        }
    }
}

#[test]
fn a_row_larger_than_a_binding_is_walked_in_pieces() {
    // 12 MB a row, and 3.6 MB an image, where a binding has 1 MiB.
    let mut smoothed = large(Kind::SoftmaxCe, Dtype::F32, &[2, 3_000_001], 9);
    smoothed.spec.label_smoothing = 0.1;
    let image = large(Kind::SoftmaxCe, Dtype::F32, &[2, 300, 3_000], 10);
    for gpu in adapters() {
        let narrow = narrow(&gpu, 1 << 20);
        for case in [&smoothed, &image] {
            for way in [Way::Whole, Way::Halves] {
                for in_place in [false, true] {
                    check(&narrow, case, &Variation { way, in_place, ..Variation::PLAIN });
                }
            }
        }
    }
}

#[test]
fn bad_labels_harm_no_other_row_and_are_told() {
    let labels = ndarray::array![1_i64, 7, 2, -3, 0].into_dyn();
    let mut case = large(Kind::SoftmaxCe, Dtype::F32, &[5, 4], 11);
    case.targets = OwnedTargets::Classes(labels);
    // The reference knows no bad labels: it is asked about the good rows, with the same denominator.
    case.spec.denominator = Some(3.0);
    let mut good = case.clone();
    good.targets = OwnedTargets::Classes(ndarray::array![1_i64, -100, 2, -100, 0].into_dyn());
    good.spec.ignore_index = Some(-100);
    let want = good.reference().expect("a reference");
    for gpu in adapters() {
        for strategy in case.strategies(&gpu) {
            let gpu = &gpu.with_strategy(strategy);
            let output = case.run_on_device(gpu, &Variation::PLAIN).expect("runs");
            let losses = output.losses.clone().expect("losses");
            for row in 0..5 {
                let bad = row == 1 || row == 3;
                assert_eq!(losses[row].is_nan(), bad, "row {row}");
                for class in 0..4 {
                    let (got, want) = (grad_of(&output)[[row, class]], want.grad[[row, class]]);
                    assert!(if bad { got == 0.0 } else { (got - want).abs() < 1e-6 }, "row {row}: {got} {want}");
                }
            }
        }
        let plan =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(5, 4), Dtype::F32)).expect("a plan");
        let OwnedTargets::Classes(labels) = &case.targets else { unreachable!() };
        let labels = labels.as_slice().expect("row-major");
        let [scores, grad, loss] = [80, 80, 16].map(|size| buffer(&gpu, size));
        let targets = buffer(&gpu, 40);
        gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(labels));
        let buffers = Buffers::new(&scores, &targets).grad(&grad).loss(&loss);
        common::device::submit(&gpu, [(&plan, buffers), (&plan, buffers)].into_iter()).expect("submitted");
        let error = plan.read_status().expect_err("two bad labels, in two runs");
        assert_eq!(error.to_string(), "row 1: class 7 is outside 0..4 (4 such rows)");
        // Once told, it is over.
        assert_eq!(pollster::block_on(plan.read_status_async()).expect("nothing new"), 0);
    }
}

#[test]
fn buffers_that_do_not_suit_are_named() {
    for gpu in adapters() {
        let plan =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(3, 5), Dtype::F32)).expect("a plan");
        let [scores, grad, labels, loss] = [64, 64, 24, 16].map(|size| buffer(&gpu, size));
        let good = Buffers::new(&scores, &labels).grad(&grad).loss(&loss);
        let told = |buffers: &Buffers<'_>| {
            let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            match plan.encode(&mut encoder, buffers) {
                Err(Error::Buffer { what, problem }) => format!("{what}: {problem}"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(told(&good.grad(None::<&wgpu::Buffer>)), "grad: missing, and this plan needs it");
        let small = buffer(&gpu, 48);
        assert_eq!(told(&good.grad(&small)), "grad: 48 bytes given, 64 needed (60 rounded up to 16)");
        let narrow_labels = Buffers::new(&scores, range(&labels, 0, 12)).grad(&grad).loss(&loss);
        let cure = "targets: 12 bytes given, 24 needed: 3 labels of i64; see Layout::integers";
        assert_eq!(told(&narrow_labels), cure);
        assert!(told(&good.grad(range(&grad, 4, 60))).starts_with("grad: offset 4 is not a multiple of "));
        assert_eq!(told(&good.grad(range(&grad, 0, 80))), "grad: 80 bytes from offset 0 do not fit its 64 bytes");
        let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 64,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        assert!(told(&good.grad(&staging)).contains("expected STORAGE"), "{}", told(&good.grad(&staging)));
    }
}

#[test]
fn layouts_that_contradict_themselves_are_refused() {
    let gpu = &adapters()[0];
    let layout = Layout::forward_backward(Shape::new(3, 5), Dtype::F32);
    let told = |loss: &SoftmaxCe, layout: Layout| gpu.plan(loss, &layout).expect_err("refused").to_string();
    let plain = SoftmaxCe::default();
    let says = |text: String, part: &str| assert!(text.contains(part), "{text}");
    says(told(&plain, layout.strides(4, 5)), "scores_stride is 4, expected at least the 5 elements");
    says(told(&plain, layout.strides(6, 7).in_place()), "grad_stride differs from scores_stride");
    says(told(&plain, layout.shard(0, 10)), "no loss of its own");
    says(told(&plain, layout.shard(8, 10).mode(Mode::Gradient)), "classes 8..13 of a shard lie outside 0..10");
    says(told(&plain, layout.upstream(gpu_loss::layout::Upstream::PerLoss)), "goes with the reduction None");
    says(told(&plain.clone().denominator(3.0), layout.denominator()), "without another denominator");
    let multi_hot = layout.targets(TargetForm::MultiHot);
    says(told(&plain, multi_hot.mode(Mode::Statistics)), "multi-hot targets cannot be sharded");
    let element = gpu.plan(&plain_spec(Kind::SigmoidCe), &layout.mode(Mode::Statistics)).expect_err("refused");
    says(element.to_string(), "sigmoid_ce is a loss of single elements");
}

fn plain_spec(kind: Kind) -> gpu_loss::loss::Spec {
    plain(kind)
}

/// A backward plan with other options than the forward plan's took its statistics for its own: one call makes both.
#[test]
fn the_halves_of_a_step_are_made_as_a_pair() {
    let mut r = Random(19);
    let scores = Array2::from_shape_simple_fn((9, 13), || 4.0 * r.normal());
    let labels: Vec<i64> = (0..9).map(|_| r.below(13) as i64).collect();
    for gpu in adapters() {
        let mut softmax = plain(Kind::SoftmaxCe);
        (softmax.label_smoothing, softmax.z_loss, softmax.logit_scale) = (0.1, 0.01, 0.5);
        for spec in [softmax, plain(Kind::SigmoidFocal)] {
            let batch = Batch::new(scores.view(), &labels);
            let expected = gpu.run(&spec, &batch).expect("legal");
            for in_place in [false, true] {
                let mut layout = Layout::forward_backward(Shape::new(9, 13), Dtype::F32)
                    .upstream(gpu_loss::layout::Upstream::Scalar);
                layout.in_place = in_place;
                let pair = gpu.plan_pair(&spec, &layout).expect("a pair");
                assert_eq!(pair.forward.spec(), pair.backward.spec());
                let mut arena = Arena::default();
                arena.put("scores", bytemuck::cast_slice(scores.as_slice().expect("in order")));
                arena.put("targets", bytemuck::cast_slice(&labels));
                arena.put("upstream", &2.0_f32.to_le_bytes());
                for (name, bytes) in [("grad", 9 * 13 * 4), ("loss", 4), ("statistics", 9 * 32)] {
                    arena.room(name, bytes);
                }
                let buffer = arena.upload(&gpu);
                let slices = arena.slices(&buffer, "");
                submit(&gpu, [&pair.forward, &pair.backward].into_iter().map(|plan| (plan, slices))).expect("submits");
                let bytes = download(&gpu, &buffer);
                let read = |name: &str| -> Vec<f32> {
                    bytemuck::pod_collect_to_vec(arena.read(&bytes, name).expect("in the arena"))
                };
                assert!((read("loss")[0] - expected.loss).abs() < 1e-5, "{} {}", read("loss")[0], expected.loss);
                for (got, wanted) in read(if in_place { "scores" } else { "grad" }).iter().zip(grad_of(&expected)) {
                    assert!((got - 2.0 * wanted).abs() < 1e-6, "{got}, not twice {wanted}");
                }
            }
        }
        let loss = SoftmaxCe::default();
        gpu.plan_pair(&loss, &Layout::forward_backward(Shape::new(9, 13), Dtype::F32)).expect("a pair");
        let backward = Layout::forward_backward(Shape::new(9, 13), Dtype::F32).mode(Mode::Gradient);
        let error = gpu.plan_pair(&loss, &backward).expect_err("no pair").to_string();
        assert!(error.contains("a pair of plans is made of the mode Whole"), "{error}");
    }
}

#[test]
fn a_device_with_too_little_is_refused_by_name() {
    for gpu in adapters() {
        let info = gpu.adapter_info().clone();
        let all = GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default());
        let adapter = all.into_iter().find(|a| a.get_info() == info).expect("the same adapter");
        let mut limits = GpuLoss::wanted(&adapter).1;
        limits.max_storage_buffers_per_shader_stage = 3;
        let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
        let error = GpuLoss::from_device(&adapter, device, queue).expect_err("too little");
        assert_eq!(error.to_string(), "the device's max_storage_buffers_per_shader_stage is 3, every kernel needs 6");
    }
}

#[test]
fn one_device_serves_eight_threads() {
    for gpu in adapters() {
        let gpu = Arc::new(gpu);
        let shared = Arc::new(
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(33, 100), Dtype::F32))
                .expect("a plan"),
        );
        let threads: Vec<_> = (0..8)
            .map(|thread: u64| {
                let (gpu, shared) = (Arc::clone(&gpu), Arc::clone(&shared));
                std::thread::spawn(move || {
                    for round in 0..4 {
                        // Plans of its own through the one-call cache,
                        let case = large(Kind::SoftmaxCe, Dtype::F32, &[33, 100], thread * 10 + round);
                        let (difference, _) = case.difference(&gpu).expect("runs");
                        assert!(difference.kept(), "thread {thread}: {difference:?}");
                        // and one plan that all encode, over buffers of their own; some are dropped in flight.
                        let grad = encode_shared(&gpu, &shared, &case);
                        if round % 2 == 0 {
                            let want = case.reference().expect("a reference").grad;
                            let got: &[f32] = bytemuck::cast_slice(&grad);
                            assert!(got.iter().zip(&want).all(|(g, w)| (f64::from(*g) - w).abs() < 1e-7));
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread fails");
        }
    }
}

/// The gradient by a shared plan.
fn encode_shared(gpu: &GpuLoss, plan: &gpu_loss::Plan, case: &Case) -> Vec<u8> {
    let [scores, grad] = [13_200, 13_200].map(|size| buffer(gpu, size));
    let (targets, loss) = (buffer(gpu, 33 * 8), buffer(gpu, 16));
    let OwnedTargets::Classes(labels) = &case.targets else { unreachable!() };
    gpu.queue().write_buffer(&scores, 0, bytemuck::cast_slice(case.scores.as_slice().expect("row-major")));
    gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(labels.as_slice().expect("row-major")));
    gpu.queue().write_buffer(&grad, 0, &[POISON; 13_200]);
    let buffers = Buffers::new(&scores, &targets).grad(&grad).loss(&loss);
    common::device::submit(gpu, [(plan, buffers)].into_iter()).expect("submitted");
    download(gpu, &grad)
}

#[test]
fn plans_and_front_doors_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<GpuLoss>();
    crosses::<gpu_loss::Plan>();
}
