//! The public API as a caller meets it: what converts to targets, what plans ask for, what is read back, which settings
//! belong to whom.

mod common;

use common::each::on_every_adapter;
use common::memory::buffer;
use common::plain;
use gpu_loss::batch::{TargetForm, f16};
use gpu_loss::layout::{IntegerType, Upstream};
use gpu_loss::loss::Kind;
use gpu_loss::plan::{Access, Strategy};
use gpu_loss::{Batch, Buffers, Dtype, Error, GpuLoss, Layout, Plan, Reduction, Shape, SoftmaxCe, Targets, wgpu};
use ndarray::{Array2, ArrayView2};

fn scores() -> Array2<f32> {
    Array2::from_shape_fn((4, 5), |(n, c)| ((n * 7 + c * 3) % 11) as f32 * 0.3)
}

#[test]
fn whatever_holds_labels_is_targets() {
    let labels = vec![0_i64, 4, 2, 1];
    let narrow: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
    let unsigned = ndarray::Array1::from_iter(labels.iter().map(|label| *label as u32));
    let (scores, every) = (scores(), ndarray::Array1::from_iter((0..8).map(|at| labels[at / 2])));
    on_every_adapter(|gpu| {
        let bits = |targets: Targets<'_>| {
            let out = gpu.softmax_ce(&Batch::new(&scores, targets)).expect("legal");
            (out.loss.to_bits(), out.grad)
        };
        let want = bits(Targets::classes(&labels));
        let fixed: [i64; 4] = [0, 4, 2, 1];
        for targets in [
            Targets::from(&labels[..]),
            Targets::from(&fixed),
            Targets::from(&narrow),
            Targets::from(&unsigned),
            Targets::from(unsigned.view()),
            Targets::from(every.slice(ndarray::s![..;2])),
        ] {
            assert_eq!(bits(targets), want);
        }
    });
}

#[test]
fn marks_and_probabilities_of_any_type_come_to_the_same() {
    let marks = Array2::from_shape_fn((4, 10), |(n, c)| (n + c) % 3 == 0);
    let marks = marks.slice(ndarray::s![.., ..;2]);
    let bytes = marks.mapv(u8::from);
    let halves = Array2::from_shape_fn((4, 5), |(n, c)| f16::from_f32(((n + c) % 4) as f32 * 0.25));
    let floats = halves.mapv(f16::to_f32);
    let scores = scores();
    on_every_adapter(|gpu| {
        let bits = |targets: Targets<'_>| {
            let out = gpu.sigmoid_ce(&Batch::new(&scores, targets)).expect("legal");
            (out.loss.to_bits(), out.grad)
        };
        assert_eq!(bits(marks.into()), bits((&bytes).into()));
        assert_eq!(bits((&marks.to_owned()).into()), bits(bytes.view().into()));
        assert_eq!(bits((&halves).into()), bits((&floats).into()));
    });
}

/// A plan's buffers, of these sizes, in the order of its list.
fn made(gpu: &GpuLoss, plan: &Plan, less: Option<&str>) -> Vec<(&'static str, wgpu::Buffer)> {
    let sizes = plan.buffer_sizes();
    sizes
        .iter()
        .map(|size| (size.name, buffer(gpu, size.bytes - if less == Some(size.name) { 4 } else { 0 })))
        .collect()
}

fn encoded(gpu: &GpuLoss, plan: &Plan, made: &[(&str, wgpu::Buffer)]) -> gpu_loss::Result<()> {
    let of = |name: &str| made.iter().find(|(other, _)| *other == name).map(|(_, buffer)| buffer);
    let buffers = Buffers::new(of("scores"), of("targets"))
        .target_indices(of("target_indices"))
        .element_weights(of("element_weights"))
        .upstream(of("upstream"))
        .denominator(of("denominator"))
        .shards(of("shards"))
        .grad(of("grad"))
        .loss(of("loss"))
        .losses(of("losses"))
        .lse(of("lse"))
        .argmax(of("argmax"))
        .statistics(of("statistics"))
        .status(of("status"));
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    plan.encode(&mut encoder, &buffers)
}

/// What `buffer_sizes` lists is enough, and four bytes less of anything are too little.
#[test]
fn a_plan_says_how_much_it_needs_of_which_buffers() {
    let (shape, spatial) = (Shape::new(7, 13), Shape::spatial(2, 5, 9));
    let everything = Layout::forward_backward(shape, Dtype::F32);
    let all = everything.with_losses().with_lse().with_argmax().with_correct().with_statistics();
    let softmax = plain(Kind::SoftmaxCe);
    let mut unreduced = plain(Kind::SigmoidCe);
    unreduced.reduction = Reduction::None;
    let weighted = everything.targets(TargetForm::Probabilities).element_weights().upstream(Upstream::PerLoss);
    let cases = [
        (softmax.clone(), all),
        (softmax.clone(), all.in_place().integers(IntegerType::I32).upstream(Upstream::Scalar).denominator()),
        (softmax.clone(), Layout::forward_backward(spatial, Dtype::F16)),
        (softmax.clone(), Layout::forward_backward(shape, Dtype::Bf16).strides(15, 16)),
        (softmax.clone(), everything.targets(TargetForm::Lists)),
        (softmax.clone(), Layout::forward(shape, Dtype::F32).with_statistics()),
        (softmax.clone(), Layout::backward(shape, Dtype::F32)),
        (softmax.clone(), Layout::shard_statistics(shape, Dtype::F32, 13, 39)),
        (softmax.clone(), Layout::merge(Shape::new(7, 39), Dtype::F32, 3)),
        (unreduced, weighted.with_losses()),
        (plain(Kind::Bce), everything.targets(TargetForm::MultiHot)),
    ];
    on_every_adapter(|gpu| {
        for (spec, layout) in &cases {
            let plan = gpu.plan(spec, layout).expect("a plan");
            encoded(gpu, &plan, &made(gpu, &plan, None)).unwrap_or_else(|error| panic!("{layout:?}: {error}"));
            for size in plan.buffer_sizes().iter().filter(|size| size.bytes > 4) {
                let error = encoded(gpu, &plan, &made(gpu, &plan, Some(size.name)));
                let Err(Error::Buffer { what, problem }) = error else { panic!("{size:?} {layout:?}: {error:?}") };
                assert!(what == size.name && problem.contains(" needed"), "{what}: {problem}");
            }
        }
        let plan = gpu.plan(&softmax, &everything.in_place()).expect("a plan");
        let told: Vec<(&str, u64, Access)> =
            plan.buffer_sizes().iter().map(|size| (size.name, size.bytes, size.access)).collect();
        assert!(told.contains(&("scores", 368, Access::ReadWrite)) && told.contains(&("targets", 56, Access::Read)));
        assert!(told.contains(&("loss", 4, Access::Write)) && !told.iter().any(|(name, ..)| *name == "grad"));
    });
}

#[test]
fn results_are_read_without_mapping_code() {
    let (scores, labels) = (scores(), [0_i64, 4, 2, 1]);
    on_every_adapter(|gpu| {
        let want = gpu.softmax_ce(&Batch::new(&scores, &labels)).expect("legal");
        let plan =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(4, 5), Dtype::F32)).expect("a plan");
        let [given, grad, targets, loss] = [80, 80, 32, 4].map(|size| buffer(gpu, size));
        gpu.queue().write_buffer(&given, 0, bytemuck::cast_slice(scores.as_slice().expect("in order")));
        let run = |labels: &[i64; 4]| {
            gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(labels));
            let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            plan.encode(&mut encoder, &Buffers::new(&given, &targets).grad(&grad).loss(&loss)).expect("encodes");
            gpu.queue().submit([encoder.finish()]);
        };
        run(&labels);
        assert_eq!(plan.read_loss(&loss).expect("a loss").to_bits(), want.loss.to_bits());
        let read = gpu.read_f32(&grad).expect("a gradient");
        assert_eq!(ArrayView2::from_shape((4, 5), &read).expect("its shape"), want.gradient().expect("asked for"));
        let second = wgpu::BufferBinding { buffer: &grad, offset: 20, size: wgpu::BufferSize::new(20) };
        assert_eq!(gpu.read_f32(second).expect("a row"), read[5..10]);
        // The label is named, where its buffer still holds it.
        run(&[0, 4, 77, 1]);
        let told = plan.read_loss(&loss).expect_err("a bad label").to_string();
        assert_eq!(told, "row 2: class 77 is outside 0..5 (1 such rows)");
        run(&[0, -3, 2, 1]);
        gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(&labels));
        let told = plan.read_status().expect_err("a bad label").to_string();
        assert_eq!(told, "row 1: the class is outside 0..5 (1 such rows)");
        // What cannot be read says why.
        let descriptor = wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        };
        let told = gpu.read_f32(&gpu.device().create_buffer(&descriptor)).expect_err("no COPY_SRC").to_string();
        assert!(told.contains("expected COPY_SRC"), "{told}");
        gpu.read_f32(None::<&wgpu::Buffer>).expect_err("nothing");
    });
}

/// A batch in parts: inputs from where a part begins, in the whole and in ranges of it.
#[test]
fn inputs_begin_where_they_are_told() {
    let scores = Array2::from_shape_fn((128, 5), |(n, c)| ((n * 7 + c * 3) % 11) as f32 * 0.3);
    let labels: Vec<i64> = (0..128).map(|row| row * row % 5).collect();
    let sum = SoftmaxCe::default().reduction(Reduction::Sum);
    on_every_adapter(|gpu| {
        let plan = gpu.plan(&sum, &Layout::forward(Shape::new(64, 5), Dtype::F32)).expect("a plan");
        let [given, targets, loss] = [2560, 1024, 4].map(|size| buffer(gpu, size));
        gpu.queue().write_buffer(&given, 0, bytemuck::cast_slice(scores.as_slice().expect("in order")));
        gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(&labels));
        let run = |buffers: Buffers<'_>| {
            let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            plan.encode(&mut encoder, &buffers.loss(&loss))?;
            gpu.queue().submit([encoder.finish()]);
            plan.read_loss(&loss)
        };
        let range = |buffer, size| wgpu::BufferBinding { buffer, offset: 0, size: wgpu::BufferSize::new(size) };
        for buffers in [Buffers::new(&given, &targets), Buffers::new(range(&given, 2560), range(&targets, 1024))] {
            for (first, rows) in [(0, 0..64), (64, 64..128)] {
                let part = scores.slice(ndarray::s![rows.clone(), ..]);
                let want = gpu.run(&sum, &Batch::new(part, &labels[rows]).loss_only()).expect("legal").loss;
                let got = run(buffers.inputs_from(first * 20, first * 8)).expect("a loss");
                assert!((got - want).abs() < 1e-4, "from row {first}: {got}, expected {want}");
            }
            let told = run(buffers.inputs_from(1280, 2048)).expect_err("nothing is there").to_string();
            assert!(told.contains("targets: 0 bytes given"), "{told}");
        }
    });
}

#[test]
fn settings_belong_to_a_handle() {
    let (scores, labels) = (scores(), [0, 4, 2, 1]);
    let layout = Layout::forward_backward(Shape::new(4, 5), Dtype::F32);
    on_every_adapter(|gpu| {
        let default = gpu.plan(&SoftmaxCe::default(), &layout).expect("a plan").strategy();
        let serving = gpu.strategies(Kind::SoftmaxCe, layout.shape);
        for strategy in serving {
            let other = gpu.with_strategy(strategy);
            other.softmax_ce(&Batch::new(&scores, &labels)).expect("legal");
            assert_eq!(other.plan(&SoftmaxCe::default(), &layout).expect("a plan").strategy(), strategy);
            assert_eq!(gpu.plan(&SoftmaxCe::default(), &layout).expect("a plan").strategy(), default);
        }
    });
}

#[test]
fn nothing_is_told_by_an_empty_array() {
    let scores = scores();
    on_every_adapter(|gpu| {
        let out = gpu.softmax_ce(&Batch::new(&scores, &[0, 1, 2, 3]).loss_only()).expect("legal");
        assert!(out.grad.is_none());
        let told = out.gradient().expect_err("not asked for").to_string();
        assert_eq!(told, "the gradient was not asked for: leave out loss_only()");
        // A batch without rows has a gradient all the same, of its shape.
        let none = Array2::<f32>::zeros((0, 5));
        let out = gpu.softmax_ce(&Batch::new(&none, &[] as &[i64; 0])).expect("legal");
        assert_eq!(out.gradient().expect("asked for").dim(), (0, 5));
    });
}

#[test]
fn names_are_what_the_program_takes() {
    let told = [
        Kind::SoftmaxCe.to_string(),
        Dtype::Bf16.to_string(),
        TargetForm::MultiHot.to_string(),
        Reduction::BatchMean.to_string(),
        Strategy::SubgroupRow.to_string(),
        Access::ReadWrite.to_string(),
    ];
    assert_eq!(told, ["softmax_ce", "bf16", "multi-hot", "batch-mean", "subgroup-row", "read and written"]);
    assert_eq!(format!("{:>8}", Dtype::F16), "     f16");
}
