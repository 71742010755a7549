//! Batches and shards of sizes that few think of.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::EmptyMean;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
use gpu_loss_mpi::{AllReduce, Options, RECORD_BYTES, TensorParallelCe, Traffic, mpi};
use mpi::traits::Communicator as _;

use crate::batch::{Mask, Whole};
use crate::losses::{Sharded, alike, within};
use crate::one::{POISON, Rank, download, plain, upload};

/// Rows that are none, one, many, or more than there is room for; shards of one class; fewer classes than ranks.
pub(crate) fn of_all_kinds() {
    let rank = Rank::new();
    let (ranks, me) = (rank.world.size() as usize, rank.world.rank() as usize);
    for exchange in [Options::default, || Options::default().exchange(AllReduce)] {
        no_rows(&rank, exchange);
        one_row(&rank, exchange());
    }
    let first = me.min(1);
    let few = TensorParallelCe::new(
        &rank.gpu,
        &rank.world,
        &SoftmaxCe::default(),
        &plain(5, usize::from(me < 2), first, 2),
        Options::default(),
    );
    let own = "the number of classes of this rank's shard is 0, expected at least 1";
    let words = if me < 2 { "rank 2 failed while checking its shapes and options" } else { own };
    let error = few.expect_err("more ranks than classes").to_string();
    assert!(error.contains(words), "{error:?}, expected {words:?}");
    for n in [1 << 33, usize::MAX / 64, usize::MAX] {
        let layout = plain(n, 4, 4 * me, 4 * ranks);
        let made = TensorParallelCe::new(&rank.gpu, &rank.world, &SoftmaxCe::default(), &layout, Options::default());
        let error = made.expect_err("too many rows").to_string();
        assert!(error.contains("32-bit row and class numbers"), "{n} rows: {error}");
    }
    let most = rank.gpu.device().limits().max_storage_buffer_binding_size as usize / RECORD_BYTES;
    let layout = plain(most / ranks + 1, 1, me, ranks);
    let made = TensorParallelCe::new(&rank.gpu, &rank.world, &SoftmaxCe::default(), &layout, Options::default());
    let error = made.expect_err("records beyond a binding").to_string();
    let words = format!("the statistics of {} rows in {ranks} shards", most / ranks + 1);
    assert!(error.contains(&words), "{error}");
    without_gradient(&rank, ranks, me);
    many_rows(&rank, ranks, me);
}

/// Without a row nothing is exchanged, and the mean is that of nothing.
fn no_rows(rank: &Rank, options: fn() -> Options) {
    let (ranks, me) = (rank.world.size() as usize, rank.world.rank() as usize);
    for (empty, expected) in [(EmptyMean::Nan, f32::NAN), (EmptyMean::Zero, 0.0)] {
        let loss = SoftmaxCe::default().ignore_index(-100).empty_mean(empty);
        let layout = plain(0, 4, 4 * me, 4 * ranks);
        let mut ce = TensorParallelCe::new(&rank.gpu, &rank.world, &loss, &layout, options()).expect("plans");
        let [scores, labels, grad, mean] = [0; 4].map(|_| rank.upload(&[POISON; 16]));
        let buffers = Buffers::new(&scores, &labels);
        ce.forward(&buffers.loss(&mean)).expect("forward");
        ce.backward(&buffers.grad(&grad)).expect("backward");
        ce.check().expect("no label is bad");
        let got: f32 = bytemuck::pod_read_unaligned(&rank.download(&mean)[..4]);
        assert!(
            got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan()),
            "{got}, expected {expected}"
        );
        assert_eq!(rank.download(&grad), [POISON; 16], "a gradient of nothing");
        assert_eq!((ce.traffic(), ce.counted_rows().expect("a pass")), (Traffic::default(), 0));
    }
}

/// One row over shards of one class each.
fn one_row(rank: &Rank, options: Options) {
    let ranks = rank.world.size() as usize;
    let loss = SoftmaxCe::default().label_smoothing(0.1);
    let whole = Whole::<f32>::new(3, &[1, ranks], &loss, TargetForm::Classes, (Mask::None, 0));
    let mut sharded = Sharded::new(rank, &whole, (0..=ranks).collect(), false, options);
    let ran = sharded.run();
    within(&ran.output, &whole.reference(), "one row");
    alike(rank, ran.rows, "one row");
}

/// A layout of an evaluation has no backward pass.
fn without_gradient(rank: &Rank, ranks: usize, me: usize) {
    let layout = Layout::forward(Shape::new(3, 2), Dtype::F32).shard(2 * me, 2 * ranks);
    let loss = SoftmaxCe::default();
    let mut ce = TensorParallelCe::new(&rank.gpu, &rank.world, &loss, &layout, Options::default()).expect("plans");
    let scores = rank.upload(bytemuck::cast_slice(&[0.5_f32; 6]));
    let [labels, grad, mean] = [0; 3].map(|_| rank.upload(bytemuck::cast_slice(&[1_i64; 3])));
    let buffers = Buffers::new(&scores, &labels);
    ce.forward(&buffers.loss(&mean)).expect("forward");
    let got: f32 = bytemuck::pod_read_unaligned(&rank.download(&mean)[..4]);
    assert!((got - (2.0 * ranks as f32).ln()).abs() < 1e-5, "{got}");
    let error = ce.backward(&buffers.grad(&grad)).expect_err("no gradient").to_string();
    assert_eq!(error, "the layout of a backward pass is one without a gradient, expected Outputs::grad");
}

/// More rows than a collective takes unless it is told otherwise.
fn many_rows(rank: &Rank, ranks: usize, me: usize) {
    let rows = 2 * (1 << 16) + 1001;
    let layout = plain(rows, 1, me, ranks).with_losses();
    let loss = SoftmaxCe::default();
    let mut ce = TensorParallelCe::new(&rank.gpu, &rank.world, &loss, &layout, Options::default()).expect("plans");
    // Of rank k every score is k, but 0 in every seventh row; labels go round.
    let score = |row: usize| if row.is_multiple_of(7) { 0.0 } else { me as f32 };
    let (scores, labels): (Vec<f32>, Vec<i64>) = (0..rows).map(|row| (score(row), (row % ranks) as i64)).unzip();
    let of = |gpu: &GpuLoss, bytes: usize| upload(gpu, &vec![POISON; bytes]);
    let (scores, labels) = (rank.upload(bytemuck::cast_slice(&scores)), rank.upload(bytemuck::cast_slice(&labels)));
    let (grad, losses, mean) = (of(&rank.gpu, rows * 4), of(&rank.gpu, rows * 4), of(&rank.gpu, 4));
    let buffers = Buffers::new(&scores, &labels);
    ce.forward(&buffers.loss(&mean).losses(&losses)).expect("forward");
    ce.backward(&buffers.grad(&grad)).expect("backward");
    ce.check().expect("good labels");
    let floats = |buffer| -> Vec<f32> { bytemuck::pod_collect_to_vec(&download(&rank.gpu, buffer)[..rows * 4]) };
    let lse = (0..ranks).map(|k| (k as f64).exp()).sum::<f64>().ln();
    for (row, (loss, grad)) in floats(&losses).into_iter().zip(floats(&grad)).enumerate() {
        let flat = row.is_multiple_of(7);
        let (own, truth) = if flat { (0.0, 0.0) } else { (me as f64, (row % ranks) as f64) };
        let lse = if flat { (ranks as f64).ln() } else { lse };
        let p = (own - lse).exp() - if row % ranks == me { 1.0 } else { 0.0 };
        assert!((f64::from(loss) - (lse - truth)).abs() < 1e-4, "row {row}: {loss}, expected {}", lse - truth);
        assert!((f64::from(grad) * rows as f64 - p).abs() < 1e-4, "row {row}: {grad}, expected {}", p / rows as f64);
    }
    let bytes = (32 * rows * (ranks - 1)) as u64;
    assert_eq!(ce.traffic(), Traffic { collectives: rows.div_ceil(1 << 16) as u64, bytes });
}
