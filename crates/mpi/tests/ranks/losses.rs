//! Losses and gradients of shards against those of the whole rows.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use gpu_loss::batch::{TargetForm, bf16, f16};
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Dtype, Output, Shape, SoftmaxCe};
use gpu_loss_mpi::{AllGather, AllReduce, Exchange, Options, TensorParallelCe, Traffic, mpi};
use mpi::datatype::PartitionMut;
use mpi::traits::{Communicator, CommunicatorCollectives};
use ndarray::{ArrayD, Axis, IxDyn, concatenate};

use crate::batch::{Mask, More, Numbers, Score, Whole};
use crate::cases::{CASES, Case, everything};
use crate::one::{Arrays, Form, POISON, Rank, layout};

/// Where the shards begin and end.
pub(crate) fn cuts(classes: usize, ranks: usize, even: bool, seed: u64) -> Vec<usize> {
    if even {
        return (0..=ranks).map(|k| classes * k / ranks).collect();
    }
    // Each has one class at least, and the rest goes anywhere.
    let mut numbers = Numbers::new(seed);
    let mut cuts: Vec<usize> = (0..=ranks).collect();
    for _ in ranks..classes {
        let shard = 1 + numbers.below(ranks) * numbers.below(ranks) / ranks;
        cuts[shard..].iter_mut().for_each(|cut| *cut += 1);
    }
    cuts
}

/// A batch on its shards, ready to run.
pub(crate) struct Sharded<'a, T: Score> {
    rank: &'a Rank,
    whole: &'a Whole<T>,
    cuts: Vec<usize>,
    in_place: bool,
    pub(crate) ce: TensorParallelCe,
}

/// What a run came to, over all shards.
pub(crate) struct Ran<T: Score> {
    pub(crate) output: Output<T, IxDyn>,
    /// Of what every rank has alike, and of that and the gradient.
    pub(crate) rows: u64,
    all: u64,
}

impl<'a, T: Score> Sharded<'a, T> {
    pub(crate) fn new(rank: &'a Rank, whole: &'a Whole<T>, cuts: Vec<usize>, in_place: bool, options: Options) -> Self {
        let me = rank.world.rank() as usize;
        let shape = Shape { classes: cuts[me + 1] - cuts[me], ..whole.shape() };
        let (targets, more) = (whole.form(), whole.more);
        let form = Form { shape, dtype: T::DTYPE, targets, more, in_place, denominator: false };
        let layout = layout(form, &whole.loss, cuts[me], whole.shape().classes);
        let ce = TensorParallelCe::new(&rank.gpu, &rank.world, &whole.loss, &layout, options).expect("plans");
        Sharded { rank, whole, cuts, in_place, ce }
    }

    fn arrays(&self) -> Arrays {
        let (rank, me, shape) = (self.rank, self.rank.world.rank() as usize, self.whole.shape());
        let (first, end) = (self.cuts[me], self.cuts[me + 1]);
        let (targets, indices) = self.whole.targets_of(first, end);
        let scores = self.whole.scores_of(first, end);
        let poison = |bytes: usize| rank.upload(&vec![POISON; bytes]);
        Arrays {
            grad: (!self.in_place).then(|| poison(scores.len())),
            scores: rank.upload(&scores),
            targets: rank.upload(&targets),
            indices: indices.map(|bytes| exact(rank, &bytes)),
            upstream: self.whole.upstream.as_ref().map(|upstream| rank.upload(&crate::batch::bytes(upstream))),
            loss: poison(4),
            losses: poison(shape.rows() * 4),
            lse: poison(shape.rows() * 4),
            argmax: poison(shape.rows() * 4),
            entropy: self.whole.more.entropy.then(|| poison(shape.rows() * 4)),
            entropy_upstream: self.whole.more.entropy_upstream,
            grad_class_bias: self.whole.more.grad_class_bias.then(|| poison((end - first) * 4)),
        }
    }

    /// One step, from fresh buffers.
    pub(crate) fn run(&mut self) -> Ran<T> {
        let arrays = self.arrays();
        self.ce.forward(&arrays.forward()).expect("forward");
        self.ce.backward(&arrays.backward()).expect("backward");
        let correct = self.ce.check().expect("good targets");
        let (rank, shape) = (self.rank, self.whole.shape());
        let rows = |buffer| rank.download(buffer)[..shape.rows() * 4].to_vec();
        let [losses, lse, argmax] = [&arrays.losses, &arrays.lse, &arrays.argmax].map(rows);
        let loss = rank.download(&arrays.loss)[..4].to_vec();
        let entropy = arrays.entropy.as_ref().map(rows);
        let bits =
            hash(&[&loss, &losses, &lse, &argmax, entropy.as_deref().unwrap_or_default(), &correct.to_le_bytes()]);
        let grad = self.whole_gradient(&rank.download(arrays.grad.as_ref().unwrap_or(&arrays.scores)));
        let dims = [&self.whole.scores.shape()[..1], &self.whole.scores.shape()[2..]].concat();
        let of_rows = |bytes: &[u8]| {
            ArrayD::from_shape_vec(IxDyn(&dims), bytemuck::pod_collect_to_vec::<u8, f32>(bytes)).expect("a shape")
        };
        let all = hash(&[&bits.to_le_bytes(), &crate::batch::bytes(&grad)]);
        let mut output = Output::new(of_rows_first(&loss));
        output.losses = Some(of_rows(&losses));
        output.lse = Some(of_rows(&lse));
        output.argmax = Some(of_rows(&argmax).mapv(f32::to_bits));
        output.correct = self.whole.more.correct(self.whole.form()).then_some(correct);
        output.entropy = entropy.as_deref().map(of_rows);
        output.grad_class_bias =
            arrays.grad_class_bias.as_ref().map(|own| self.whole_bias_gradient(&rank.download(own)));
        output.grad = Some(grad);
        Ran { output, rows: bits, all }
    }

    /// The bytes of all shards, of which each class has so many.
    fn of_all_shards(&self, own: &[u8], bytes_of_a_class: usize) -> Vec<Vec<u8>> {
        let world = &self.rank.world;
        let count = |k: usize| ((self.cuts[k + 1] - self.cuts[k]) * bytes_of_a_class) as i32;
        let counts: Vec<i32> = (0..world.size() as usize).map(count).collect();
        let begins: Vec<i32> = (0..counts.len()).map(|k| counts[..k].iter().sum()).collect();
        let mut all = vec![0_u8; counts.iter().sum::<i32>() as usize];
        let own = &own[..counts[world.rank() as usize] as usize];
        world.all_gather_varcount_into(own, &mut PartitionMut::new(&mut all[..], &counts[..], &begins[..]));
        counts.iter().zip(begins).map(|(count, begin)| all[begin as usize..][..*count as usize].to_vec()).collect()
    }

    fn whole_bias_gradient(&self, own: &[u8]) -> ArrayD<f32> {
        let all: Vec<f32> = bytemuck::pod_collect_to_vec(&self.of_all_shards(own, 4).concat());
        ArrayD::from_shape_vec(IxDyn(&[all.len()]), all).expect("one number a class")
    }

    /// The gradients of all shards, side by side.
    fn whole_gradient(&self, own: &[u8]) -> ArrayD<T> {
        let dims = self.whole.scores.shape();
        let parts = self.of_all_shards(own, dims[0] * dims[2..].iter().product::<usize>() * size_of::<T>());
        let parts: Vec<ArrayD<T>> = (parts.iter().zip(self.cuts.windows(2)))
            .map(|(bytes, cut)| {
                let mut dims = dims.to_vec();
                dims[1] = cut[1] - cut[0];
                ArrayD::from_shape_vec(IxDyn(&dims), bytemuck::pod_collect_to_vec(bytes)).expect("a shape")
            })
            .collect();
        concatenate(Axis(1), &parts.iter().map(|part| part.view()).collect::<Vec<_>>()).expect("shapes that fit")
    }
}

fn of_rows_first(bytes: &[u8]) -> f32 {
    bytemuck::pod_read_unaligned(bytes)
}

/// A buffer of list indices, whose size is theirs.
fn exact(rank: &Rank, bytes: &[u8]) -> gpu_loss::wgpu::Buffer {
    use gpu_loss::wgpu::{BufferDescriptor, BufferUsages};
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
    let size = bytes.len().max(8) as u64;
    let buffer =
        rank.gpu.device().create_buffer(&BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
    rank.gpu.queue().write_buffer(&buffer, 0, bytes);
    buffer
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.iter().for_each(|part| part.hash(&mut hasher));
    hasher.finish()
}

/// All ranks have the same.
pub(crate) fn alike(rank: &Rank, bits: u64, what: &str) {
    let mut all = vec![0_u64; rank.world.size() as usize];
    rank.world.all_gather_into(&bits, &mut all[..]);
    assert!(all.iter().all(|other| *other == bits), "{what}: the ranks' bits differ: {all:x?}");
}

pub(crate) fn within<T: Score>(output: &Output<T, IxDyn>, reference: &Reference, what: &str) {
    let difference = reference::compare(output, reference);
    assert!(difference.kept(), "{what}: {difference:?}");
    if output.correct.is_some() {
        assert_eq!(output.correct, reference.correct, "{what}: correct rows");
    }
    assert_eq!(output.entropy.is_some(), reference.entropy.is_some(), "{what}: entropies");
    let of_bias = (output.grad_class_bias.is_some(), reference.grad_class_bias.is_some());
    assert_eq!(of_bias.0, of_bias.1, "{what}: the gradient of the class bias");
}

fn compare<T: Score>(rank: &Rank, case: &Case, exchange: impl Exchange + 'static, seed: u64) {
    let ranks = rank.world.size() as usize;
    let what = format!("{} of {:?} on {ranks} ranks by {}", case.name, T::DTYPE, exchange.name());
    let cuts = cuts(case.dims[1], ranks, case.even, seed);
    let loss = (case.loss)(SoftmaxCe::default());
    let mask = (if case.mask { Mask::Shard } else { Mask::None }, cuts[1]);
    // Gradients of 16 bits are rounded before a class bias could sum them.
    let more = More { grad_class_bias: case.more.grad_class_bias && T::DTYPE == Dtype::F32, ..case.more };
    let whole = Whole::<T>::new(seed, case.dims, &loss, case.targets, mask).with(more);
    let rows = whole.shape().rows();
    let name = exchange.name();
    let options = Options::default().exchange(exchange);
    let mut sharded = Sharded::new(rank, &whole, cuts, case.in_place, options);
    let ran = sharded.run();
    within(&ran.output, &whole.reference(), &what);
    alike(rank, ran.rows, &what);
    let others = if name == AllGather.name() { ranks - 1 } else { usize::from(ranks > 1) };
    assert_eq!(sharded.ce.traffic(), Traffic { collectives: 1, bytes: (32 * rows * others) as u64 }, "{what}");
}

/// The cases against the float64 reference on the whole rows. Each rank builds the kernels of every case anew, which
/// takes a software adapter most of a second each: so each number of ranks has a third of the cases in one type, and
/// with `GPU_LOSS_FULL` set all of them in all types.
pub(crate) fn against_the_reference() {
    let rank = Rank::new();
    let full = std::env::var_os("GPU_LOSS_FULL").is_some();
    let ranks = rank.world.size() as usize;
    for (at, case) in CASES.iter().enumerate() {
        let seed = at as u64 + 1;
        let turn = (at + ranks).is_multiple_of(3) || case.always;
        let types =
            if full { [true; 3] } else { [0, 1, 2].map(|kind| turn && (at / 3 + ranks + kind).is_multiple_of(3)) };
        if types[0] {
            compare::<f32>(&rank, case, AllGather, seed);
        }
        if types[1] {
            compare::<bf16>(&rank, case, AllGather, seed);
        }
        if types[2] {
            compare::<f16>(&rank, case, AllGather, seed);
        }
    }
}

/// Of some cases, in f32.
fn some(exchange: impl Exchange + Copy + 'static, names: &[&str]) {
    let rank = Rank::new();
    for name in names {
        let (at, case) = CASES.iter().enumerate().find(|(_, case)| case.name == *name).expect("a case of this name");
        compare::<f32>(&rank, case, exchange, at as u64 + 1);
    }
}

/// The same by MPI's own reduction.
pub(crate) fn by_all_reduce() {
    let names = [
        "an empty shard, everything",
        "lists, smoothed and masked",
        "probabilities",
        "entropies that count",
        "margins, biased and masked",
    ];
    some(AllReduce, &names);
}

/// What only f32 has, and what the turns of types leave to one rank.
pub(crate) fn in_f32() {
    some(AllGather, &["a class bias, its gradient and entropies", "entropies that count", "margins"]);
}

/// The plan of one device comes to the same, and twenty runs to the same bits on every rank.
pub(crate) fn bits_stay() {
    let rank = Rank::new();
    let loss = everything(SoftmaxCe::default());
    let whole = Whole::<bf16>::new(5, &[33, 101], &loss, TargetForm::Classes, (Mask::Shard, 9));
    let mut sharded =
        Sharded::new(&rank, &whole, cuts(101, rank.world.size() as usize, false, 8), false, Options::default());
    let first = sharded.run();
    if rank.world.rank() == 0 {
        let one = rank.gpu.run(&loss, &whole.batch()).expect("one device");
        let reference = whole.reference();
        within(&one, &reference, "one device");
        within(&first.output, &reference, "shards");
        assert_eq!((one.argmax, one.correct), (first.output.argmax, first.output.correct), "one device and shards");
    }
    for run in 0..20 {
        let ran = sharded.run();
        alike(&rank, ran.all, "a run");
        assert_eq!((ran.rows, ran.all), (first.rows, first.all), "bits of run {run}");
    }
    let bytes = 21 * 32 * 33 * (rank.world.size() as u64 - 1);
    assert_eq!(sharded.ce.traffic(), Traffic { collectives: 21, bytes });
}

/// Chunks, each exchanged while the next is made, come to what the whole batch does.
pub(crate) fn by_chunks() {
    let rank = Rank::new();
    let alignment = rank.gpu.device().limits().min_storage_buffer_offset_alignment as usize;
    let n = 3 * alignment + 5;
    for targets in [TargetForm::Classes, TargetForm::Lists, TargetForm::Probabilities] {
        let loss = SoftmaxCe::default().label_smoothing(0.1);
        let whole = Whole::<f32>::new(11, &[n, 12], &loss, targets, (Mask::None, 0));
        let options = Options::default().chunk_rows(1);
        let mut sharded = Sharded::new(&rank, &whole, cuts(12, rank.world.size() as usize, false, 3), false, options);
        for run in 1..=3 {
            let ran = sharded.run();
            within(&ran.output, &whole.reference(), &format!("{targets:?} by chunks"));
            alike(&rank, ran.all, "by chunks");
            let bytes = run * 32 * n as u64 * (rank.world.size() as u64 - 1);
            assert_eq!(sharded.ce.traffic(), Traffic { collectives: run * 4, bytes }, "{targets:?}");
        }
    }
}
