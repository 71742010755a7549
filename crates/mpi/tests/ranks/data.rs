//! Means over the rows of several ranks.

use gpu_loss::reference;
use gpu_loss::{Batch, Buffers, SoftmaxCe};
use gpu_loss_mpi::{DataParallel, Grid, Options, Share, TensorParallelCe, mpi, weight_of};
use mpi::traits::Communicator;
use ndarray::{Array2, s};

use crate::batch::Numbers;
use crate::losses::cuts;
use crate::one::{Rank, plain, with_denominator};

/// Scores and labels of all rows, of which a quarter is ignored.
fn rows(n: usize, classes: usize) -> (Array2<f32>, Vec<i64>) {
    let mut numbers = Numbers::new(77);
    let scores = Array2::from_shape_simple_fn((n, classes), || 4.0 * numbers.number());
    let labels = (0..n).map(|_| if numbers.below(4) == 0 { -100 } else { numbers.below(classes) as i64 }).collect();
    (scores, labels)
}

fn first_number(rank: &Rank, buffer: &gpu_loss::wgpu::Buffer) -> f32 {
    bytemuck::pod_read_unaligned(&rank.download(buffer)[..4])
}

/// Every rank has its own number of rows, and the whole vocabulary.
pub(crate) fn one_mean() {
    let rank = Rank::new();
    let (n, classes) = (14, 12);
    let cuts = cuts(n, rank.world.size() as usize, false, 2);
    let me = rank.world.rank() as usize;
    step(&rank, n, classes, cuts[me]..cuts[me + 1], 0..classes, rank.world.duplicate().split(me));
}

/// Two shards of a vocabulary, for two halves of a batch.
pub(crate) fn grid() {
    let rank = Rank::new();
    let (n, classes) = (14, 13);
    let grid = Grid::new(&rank.world, 2).expect("a grid");
    let refused = Grid::new(&rank.world, 3).expect_err("no grid").to_string();
    assert_eq!(refused, "the number of shards is 3, expected a divisor of the 4 ranks");
    let rows = if grid.data.rank() == 0 { 0..9 } else { 9..14 };
    let of_shard = if grid.tensor.rank() == 0 { 0..5 } else { 5..13 };
    step(&rank, n, classes, rows, of_shard, grid);
}

trait Split {
    fn split(self, me: usize) -> Grid;
}

impl<C: Communicator> Split for C {
    /// Every rank a vocabulary of its own.
    fn split(self, _: usize) -> Grid {
        Grid::new(&self, 1).expect("a grid")
    }
}

/// One step on some rows and classes, against the reference on all.
fn step(rank: &Rank, n: usize, classes: usize, own: std::ops::Range<usize>, shard: std::ops::Range<usize>, grid: Grid) {
    let loss = SoftmaxCe::default().ignore_index(-100).label_smoothing(0.1);
    let (scores, labels) = rows(n, classes);
    let layout = with_denominator(plain(own.len(), shard.len(), shard.start, classes));
    let mut ce = TensorParallelCe::new(&rank.gpu, &grid.tensor, &loss, &layout, Options::default()).expect("plans");
    let mean = DataParallel::new(&rank.gpu, &grid.data).expect("a denominator");

    let part = scores.slice(s![own.clone(), shard.clone()]).as_standard_layout().into_owned();
    let device = rank.upload(bytemuck::cast_slice(part.as_slice().expect("row-major")));
    let targets = rank.upload(bytemuck::cast_slice(&labels[own.clone()]));
    let (grad, sum) = (rank.upload(&vec![0xcb; part.len() * 4]), rank.upload(&[0xcb; 4]));
    let buffers = Buffers::new(&device, &targets).denominator(mean.denominator());
    mean.begin().expect("begun");
    ce.forward(&buffers.loss(&sum)).expect("forward");
    let weight = weight_of(&labels[own.clone()], &loss).expect("labels");
    assert_eq!(ce.counted_rows().expect("a pass") as f64, weight);
    let all = mean.reduce(Share { loss: first_number(rank, &sum).into(), weight }).expect("reduced");
    ce.backward(&buffers.grad(&grad)).expect("backward");
    ce.check().expect("good labels");

    let reference = reference::run(&loss, &Batch::new(&scores, &labels)).expect("reference");
    assert_eq!(all.weight, weight_of(&labels, &loss).expect("labels"));
    assert!((all.mean() - reference.loss).abs() <= 2e-6 + 1e-5 * reference.loss, "{} {}", all.mean(), reference.loss);
    let got: Vec<f32> = bytemuck::pod_collect_to_vec(&rank.download(&grad)[..part.len() * 4]);
    let most = reference.grad.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    let reference = reference.grad.into_dimensionality::<ndarray::Ix2>().expect("two dimensions");
    for (got, want) in got.iter().zip(reference.slice(s![own, shard])) {
        let limit = 2e-5 * want.abs() + 1e-6 * most + 4e-7 * most;
        assert!((f64::from(*got) - want).abs() <= limit, "got {got}, expected {want}");
    }
    refuses_a_weight(rank, &mean);
}

/// A weight of one rank that is none is an error on all.
fn refuses_a_weight(rank: &Rank, mean: &DataParallel) {
    let weight = if rank.world.rank() < 2 { f64::NAN } else { 1.0 };
    let error = mean.reduce(Share { loss: 0.0, weight }).expect_err("refused").to_string();
    assert!(error.contains("expected a finite number of at least 0 on every rank"), "{error}");
}
