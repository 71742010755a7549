//! What goes wrong on one rank, or between ranks, and what all of them see.

use std::time::Duration;

use gpu_loss::{Buffers, GpuLoss, Reduction, SoftmaxCe, wgpu};
use gpu_loss_mpi::{AllReduce, Error, Options, TensorParallelCe, mpi, or_end_all};
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

/// Numbers and options that differ are named on all ranks, and nothing hangs.
pub(crate) fn mismatch() {
    let rank = Rank::new();
    let me = rank.world.rank() as usize;
    let plain = SoftmaxCe::default();
    let says = |outcome: Result<TensorParallelCe, Error>, words: &str| {
        let error = outcome.expect_err(words).to_string();
        assert!(error.contains(words), "{error:?}, expected {words:?}");
    };
    let odd = me == 1;
    let of = |loss: &SoftmaxCe| plans(&rank, 5, loss, 4 * me, Options::default());
    let n = if odd { 6 } else { 5 };
    says(
        plans(&rank, n, &plain, 4 * me, Options::default()),
        "scores, differs between the ranks: 5 on ranks 0, 2; 6 on rank 1",
    );
    let smoothed = plain.clone().label_smoothing(if odd { 0.1 } else { 0.0 });
    says(of(&smoothed), "label_smoothing differs between the ranks: 0 on ranks 0, 2; 0.1 on rank 1");
    let summed = plain.clone().reduction(if odd { Reduction::Sum } else { Reduction::Mean });
    says(of(&summed), "reduction differs between the ranks: Sum on rank 1; Mean on ranks 0, 2");
    let ignoring = if odd { plain.clone().ignore_index(-100) } else { plain.clone() };
    says(of(&ignoring), "whether there is an ignore_index differs between the ranks: no on ranks 0, 2; yes on rank 1");
    let weighted = |weight: f32| plain.clone().class_weights(vec![weight; 12]);
    says(of(&weighted(if odd { 2.0 } else { 1.0 })), "the fingerprint of class_weights differs");
    let options = if odd { Options::default().exchange(AllReduce) } else { Options::default() };
    let words = "the way of exchange differs between the ranks: all-gather on ranks 0, 2; all-reduce on rank 1";
    says(plans(&rank, 5, &plain, 4 * me, options), words);
    let first = if odd { 3 } else { 4 * me };
    says(plans(&rank, 5, &plain, first, Options::default()), "classes 3..4 are held by both rank 0 and rank 1");
    let first = if odd { 8 } else { 4 * me };
    says(plans(&rank, 5, &plain, first, Options::default()), "classes 4..8 are held by no rank");
    let wrong = if odd { weighted(1.0).class_weights(vec![1.0; 4]) } else { weighted(1.0) };
    says(of(&wrong), if odd { "class_weights" } else { "rank 1 failed while checking its shapes and options" });
    // What only shows when plans are made.
    let outside = if odd { plain.clone().z_loss(-1.0) } else { plain.clone() };
    says(of(&outside), if odd { "z_loss" } else { "rank 1 failed while" });
    of(&plain).expect("all alike");
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
