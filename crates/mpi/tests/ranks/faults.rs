//! What goes wrong on one rank, or between ranks, and what all of them see.

use std::time::Duration;

use gpu_loss::batch::TargetForm;
use gpu_loss::layout::{Mode, Upstream};
use gpu_loss::loss::EmptyMean;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Reduction, Shape, SoftmaxCe, wgpu};
use gpu_loss_mpi::{AllReduce, Error, Grid, Options, TensorParallelCe, mpi, or_end_all};
use mpi::traits::{Communicator, CommunicatorCollectives};

use crate::launch::STRUCK;
use crate::one::{POISON, Rank, download, plain, upload};

/// Plans of a shard of 4 classes, 5 rows, after a change on this rank.
fn plans(rank: &Rank, n: usize, loss: &SoftmaxCe, first: usize, options: Options) -> Result<TensorParallelCe, Error> {
    let all = 4 * rank.world.size() as usize;
    TensorParallelCe::new(&rank.gpu, &rank.world, loss, &plain(n, 4, first, all), options)
}

struct Given {
    scores: wgpu::Buffer,
    labels: wgpu::Buffer,
    loss: wgpu::Buffer,
}

impl Given {
    fn new(gpu: &GpuLoss, labels: &[i64]) -> Self {
        let scores = upload(gpu, bytemuck::cast_slice(&vec![0.5_f32; 4 * labels.len()]));
        Given { scores, labels: upload(gpu, bytemuck::cast_slice(labels)), loss: upload(gpu, &[POISON; 4]) }
    }

    fn buffers(&self) -> Buffers<'_> {
        Buffers::new(&self.scores, &self.labels).loss(&self.loss)
    }
}

/// An outcome that is an error of these words.
fn says<T>(outcome: Result<T, Error>, words: &str) {
    let error = outcome.err().map_or_else(|| "no error".to_owned(), |error| error.to_string());
    assert!(error.contains(words), "{error:?}, expected {words:?}");
}

/// Options that differ are named on all ranks, and nothing hangs.
pub(crate) fn other_options() {
    let rank = Rank::new();
    let me = rank.world.rank() as usize;
    let odd = me == 1;
    let plain = || SoftmaxCe::default();
    let check = |one: SoftmaxCe, others: SoftmaxCe, words: &str| {
        says(plans(&rank, 5, if odd { &one } else { &others }, 4 * me, Options::default()), words);
    };
    let smoothed = "label_smoothing differs between the ranks: 0 on ranks 0, 2; 0.1 on rank 1";
    check(plain().label_smoothing(0.1), plain(), smoothed);
    let summed = "reduction differs between the ranks: Sum on rank 1; Mean on ranks 0, 2";
    check(plain().reduction(Reduction::Sum), plain(), summed);
    let ignoring = "whether there is an ignore_index differs between the ranks: no on ranks 0, 2; yes on rank 1";
    check(plain().ignore_index(-100), plain(), ignoring);
    let label = "ignore_index differs between the ranks: 0 on ranks 0, 2; -1 on rank 1";
    check(plain().ignore_index(-1), plain().ignore_index(0), label);
    let bounded = "softcap differs between the ranks: 30 on rank 1; none on ranks 0, 2";
    check(plain().softcap(30.0), plain(), bounded);
    check(plain().z_loss(1e-4), plain(), "z_loss differs between the ranks: 0 on ranks 0, 2; 0.0001 on rank 1");
    check(plain().logit_scale(2.0), plain(), "logit_scale differs between the ranks: 1 on ranks 0, 2; 2 on rank 1");
    check(plain().denominator(8.0), plain(), "denominator differs between the ranks: 8 on rank 1; none on ranks 0, 2");
    check(
        plain().empty_mean(EmptyMean::Zero),
        plain(),
        "empty_mean differs between the ranks: NaN on ranks 0, 2; 0 on",
    );
    let weighted = |weight: f32| plain().class_weights(vec![weight; 12]);
    check(weighted(2.0), weighted(1.0), "the fingerprint of class_weights differs");
    check(
        weighted(1.0),
        plain(),
        "whether there are class_weights differs between the ranks: no on ranks 0, 2; yes on",
    );
    let biased = |bias: f32| plain().class_bias(vec![bias; 12]);
    check(biased(2.0), biased(1.0), "the fingerprint of class_bias differs");
    check(biased(1.0), plain(), "whether there is a class_bias differs between the ranks: no on ranks 0, 2; yes on");
    check(plain().margin_angle(0.5), plain(), "margin_angle differs between the ranks: 0 on ranks 0, 2; 0.5 on rank 1");
    check(plain().margin_cosine(0.5), plain(), "margin_cosine differs between the ranks: 0 on ranks 0, 2; 0.5 on");
    check(
        plain().margin_multiplier(2.0),
        plain(),
        "margin_multiplier differs between the ranks: 1 on ranks 0, 2; 2 on",
    );
    check(plain().entropy_coefficient(0.5), plain(), "whether entropies are wanted differs between the ranks: no on");
    let entropies = |coefficient: f32| plain().entropy_coefficient(coefficient);
    check(entropies(0.5), entropies(0.25), "entropy_coefficient differs between the ranks: 0.25 on ranks 0, 2; 0.5 on");
    // What one rank alone finds: its own words there, and who it was on the others.
    let elsewhere = "rank 1 failed while checking its shapes and options: its own message says why";
    check(plain().class_weights(vec![1.0; 4]), weighted(1.0), if odd { "class_weights" } else { elsewhere });
    check(plain().z_loss(-1.0), plain(), if odd { "z_loss" } else { elsewhere });
    plans(&rank, 5, &plain(), 4 * me, Options::default()).expect("all alike");
}

/// The same of shapes, types, outputs and ways of exchange.
pub(crate) fn other_layouts() {
    let rank = Rank::new();
    let me = rank.world.rank() as usize;
    let odd = me == 1;
    let loss = SoftmaxCe::default();
    let with =
        |layout: Layout, options: Options| TensorParallelCe::new(&rank.gpu, &rank.world, &loss, &layout, options);
    let own = plain(5, 4, 4 * me, 12);
    let check = |one: Layout, words: &str| says(with(if odd { one } else { own }, Options::default()), words);
    check(plain(6, 4, 4, 12), "N, the first dimension of the scores, differs between the ranks: 5 on ranks 0, 2; 6 on");
    check(plain(0, 4, 4, 12), "N, the first dimension of the scores, differs between the ranks: 0 on rank 1; 5 on");
    let spatial = Layout::forward_backward(Shape::spatial(5, 4, 3), Dtype::F32).shard(4, 12);
    check(spatial, "the product of the dimensions behind the classes differs between the ranks: 1 on ranks 0, 2; 3 on");
    let short = Layout::forward_backward(Shape::new(5, 4), Dtype::Bf16).shard(4, 12);
    check(short, "the type of the scores differs between the ranks: F32 on ranks 0, 2; Bf16 on rank 1");
    check(
        own.targets(TargetForm::Lists),
        "the form of the targets differs between the ranks: Classes on ranks 0, 2; L",
    );
    check(
        own.with_correct(),
        "whether arg-maxima or correct rows are wanted differs between the ranks: no on ranks 0, 2",
    );
    check(
        own.with_entropy(),
        "whether entropies are wanted differs between the ranks: no on ranks 0, 2; yes on rank 1",
    );
    check(
        own.denominator(),
        "whether the denominator is in a buffer differs between the ranks: no on ranks 0, 2; yes on",
    );
    check(
        own.upstream(Upstream::Scalar),
        "the gradient that arrives differs between the ranks: One on ranks 0, 2; Sca",
    );
    check(plain(5, 4, 4, 16), "the number of classes in all differs between the ranks: 12 on ranks 0, 2; 16 on rank 1");
    check(plain(5, 4, 3, 12), "classes 3..4 are held by both rank 0 and rank 1");
    check(plain(5, 4, 8, 12), "classes 4..8 are held by no rank");
    let elsewhere = "rank 1 failed while checking its shapes and options: its own message says why";
    let of_own = |words: &'static str| if odd { words } else { elsewhere };
    check(plain(5, 0, 4, 12), of_own("the number of classes of this rank's shard is 0, expected at least 1"));
    check(own.targets(TargetForm::MultiHot), of_own("the form of the targets is MultiHot, expected classes, lists or"));
    check(own.targets(TargetForm::Logits), of_own("the form of the targets is Logits, expected classes, lists or"));
    check(own.with_rank(), of_own("an output is ranks of true classes, expected losses, log-sum-exps"));
    check(own.with_log_prob(), of_own("an output is log-probabilities, expected losses, log-sum-exps"));
    check(own.mode(Mode::Gradient), of_own("the layout's mode is Gradient, expected Mode::Whole"));
    // What only shows when plans are made.
    let during = "rank 1 failed while making its plans: its own message says why";
    check(own.strides(1, 4), if odd { "scores_stride is 1" } else { during });
    check(plain(5, 4, usize::MAX, 12), "classes 4..8 are held by no rank");
    check(plain(5, usize::MAX, 4, 12), "are held by both rank 1 and rank 2");

    let gathering = || Options::default();
    let reducing = if odd { gathering().exchange(AllReduce) } else { gathering() };
    let words = "the way of exchange differs between the ranks: all-gather on ranks 0, 2; all-reduce on rank 1";
    says(with(own, reducing), words);
    let chunked = if odd { gathering().chunk_rows(7) } else { gathering() };
    says(with(own, chunked), "the rows a collective differs between the ranks: 7 on rank 1; 65536 on ranks 0, 2");
    let grid = Grid::new(&rank.world, if odd { 1 } else { 3 });
    says(grid, "the number of shards differs between the ranks: 1 on rank 1; 3 on ranks 0, 2");
    with(own, Options::default()).expect("all alike");
}

/// Labels that no shard owns, and ranks that were given different labels.
pub(crate) fn targets() {
    let rank = Rank::new();
    let me = rank.world.rank() as usize;
    let mut ce = plans(&rank, 5, &SoftmaxCe::default(), 4 * me, Options::default()).expect("plans");
    let given = Given::new(&rank.gpu, &[0, 12, 5, -1, 11]);
    ce.forward(&given.buffers()).expect("forward");
    let error = ce.check().expect_err("bad labels").to_string();
    assert_eq!(error, "row 1: class 12 is outside 0..12 (2 such rows)");
    assert_eq!(ce.counted_rows().expect("a pass"), 3);

    let labels = if me == 1 { [0, 1, 0, 3, 11] } else { [0, 1, 5, 3, 11] };
    let given = Given::new(&rank.gpu, &labels);
    let error = ce.forward(&given.buffers()).expect_err("labels differ").to_string();
    let words = "row 2: the shards own 0 of its target, expected all of it once (1 such row): the ranks were given \
                 different targets";
    assert_eq!(error, words);
    let error = ce.backward(&given.buffers()).expect_err("no forward").to_string();
    assert!(error.starts_with("backward without a forward"), "{error}");

    let given = Given::new(&rank.gpu, &[0, 1, 5, 3, 11]);
    ce.forward(&given.buffers()).expect("all alike");
    ce.check().expect("good labels");
    drop(ce);
    ignored_by_some(&rank);
}

/// A row that one rank alone ignores, whether or not it has the label's class.
fn ignored_by_some(rank: &Rank) {
    let me = rank.world.rank() as usize;
    let exchanges: [fn() -> Options; 2] = [Options::default, || Options::default().exchange(AllReduce)];
    for (options, label) in exchanges.into_iter().flat_map(|options| [(options, 1), (options, 5)]) {
        let mut ce = plans(rank, 5, &SoftmaxCe::default().ignore_index(-100), 4 * me, options()).expect("plans");
        let labels = |own: bool| Given::new(&rank.gpu, &[0, if own { -100 } else { label }, -100, 3, 11]);
        let error = ce.forward(&labels(me == 1).buffers()).expect_err("labels differ").to_string();
        let words =
            "row 1: some shards ignore it and others do not (1 such row): the ranks were given different targets";
        assert_eq!(error, words, "label {label}");
        ce.forward(&labels(true).buffers()).expect("all ignore it");
        assert_eq!(ce.counted_rows().expect("a pass"), 3);
    }
}

/// A buffer that is too small on one rank, and a device that is lost on one: all get an error in the same pass.
pub(crate) fn device() {
    let rank = Rank::new();
    let me = rank.world.rank() as usize;
    let odd = me == 1;
    let mut ce = plans(&rank, 5, &SoftmaxCe::default(), 4 * me, Options::default()).expect("plans");
    let (given, short) = (Given::new(&rank.gpu, &[0, 1, 5, 3, 11]), Given::new(&rank.gpu, &[1]));
    let error = ce.forward(&if odd { short.buffers() } else { given.buffers() }).expect_err("too small").to_string();
    let words = if odd { "buffer targets" } else { "rank 1 failed while making row statistics" };
    assert!(error.contains(words), "{error:?}, expected {words:?}");
    ce.forward(&given.buffers()).expect("all is well again");
    let expected = 12.0_f32.ln();
    let loss: f32 = bytemuck::pod_read_unaligned(&download(&rank.gpu, &given.loss)[..4]);
    assert!((loss - expected).abs() < 1e-5, "{loss}, expected {expected}");
    if odd {
        rank.gpu.device().destroy();
    }
    let error = ce.forward(&given.buffers()).expect_err("a device is gone").to_string();
    let words = if odd { "lost" } else { "rank 1 failed while making row statistics" };
    assert!(error.contains(words), "{error:?}, expected {words:?}");
}

/// MPI that was started without threads.
pub(crate) fn threads() {
    let universe = mpi::initialize().expect("MPI");
    let gpu = GpuLoss::new().expect("a device");
    let world = universe.world();
    let made = TensorParallelCe::new(&gpu, &world, &SoftmaxCe::default(), &plain(2, 2, 0, 2), Options::default());
    let error = made.expect_err("no threads").to_string();
    assert!(error.starts_with("MPI was initialised with no threads"), "{error}");
}

/// Steps without end, of which a rank does something else in the third.
fn steps(otherwise: impl Fn(&Rank)) {
    let rank = Rank::new();
    let me = rank.world.rank() as usize;
    let options = Options::default().time_limit(Duration::from_secs(2));
    let mut ce = plans(&rank, 5, &SoftmaxCe::default(), 4 * me, options).expect("plans");
    let given = Given::new(&rank.gpu, &[0, 1, 5, 3, 11]);
    for step in 0.. {
        if step == 3 {
            rank.world.barrier();
            if me == 1 {
                println!("{STRUCK}");
                otherwise(&rank);
            }
        }
        ce.forward(&given.buffers()).expect("forward");
    }
}

/// A rank that is killed.
pub(crate) fn killed() {
    steps(|_| {
        let own = std::process::id().to_string();
        std::process::Command::new("kill").args(["-9", &own]).status().expect("killed");
    });
}

/// A rank that panics.
pub(crate) fn panics() {
    steps(|_| panic!("a test's"));
}

/// A rank that ends its work with an error.
pub(crate) fn gives_up() {
    steps(|rank| {
        let failed: Result<(), _> = Err(Error::Option { what: "N", got: "3".to_owned(), expected: "4".to_owned() });
        or_end_all(&rank.world, failed);
    });
}

/// A rank that never comes, and a launcher that does not notice.
pub(crate) fn absent() {
    steps(|_| std::thread::sleep(Duration::from_secs(60)));
}
