//! What an exchange costs: measured on these ranks, and predicted for others from latency and bandwidth.
//!
//! ```sh
//! mpirun -n 2 target/release/examples/exchange            # measures messages and exchanges, and predicts the latter
//! target/release/examples/exchange 5 25 20                # the table of docs/distributed.md: 5 µs, 25 GB/s, 20 ns a merge
//! ```

use std::time::Instant;

use bytemuck::Zeroable as _;
use gpu_loss::SoftmaxCe;
use gpu_loss::layout::RowStatistics;
use gpu_loss::loss::Loss as _;
use gpu_loss_mpi::{RECORD_BYTES, Record, mpi};
use mpi::Threading;
use mpi::collective::{SystemOperation, UserOperation};
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Source};

/// Bytes a row of Megatron's scheme: the greatest score, the true class's, and the sum of exponentials, one all-reduce
/// each.
const MEGATRON_BYTES: usize = 4;

fn main() {
    let arguments: Vec<f64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    match arguments[..] {
        [latency, bandwidth, merge] => {
            table(&Network { latency: latency * 1e-6, bandwidth: bandwidth * 1e9, merge: merge * 1e-9 });
        }
        _ => measure(),
    }
}

/// What a network takes for a message of `n` bytes: `latency + n / bandwidth`.
struct Network {
    latency: f64,
    bandwidth: f64,
    /// What the host takes to merge two records.
    merge: f64,
}

impl Network {
    /// An all-gather of so many bytes a rank, by recursive doubling.
    fn all_gather(&self, ranks: f64, bytes: f64) -> f64 {
        ranks.log2().ceil() * self.latency + (ranks - 1.0) * bytes / self.bandwidth
    }

    /// An all-reduce of so many bytes and so long a time of merging them once, by the cheaper of recursive doubling and
    /// Rabenseifner's scheme.
    fn all_reduce(&self, ranks: f64, bytes: f64, merging: f64) -> f64 {
        let (steps, share) = (ranks.log2().ceil(), (ranks - 1.0) / ranks);
        let doubling = steps * (self.latency + bytes / self.bandwidth + merging);
        let halving = 2.0 * (steps * self.latency + share * bytes / self.bandwidth) + share * merging;
        doubling.min(halving)
    }

    /// The three ways, in microseconds, for so many rows.
    fn predict(&self, ranks: f64, rows: f64) -> [f64; 3] {
        let records = rows * RECORD_BYTES as f64;
        [
            self.all_gather(ranks, records) * 1e6,
            self.all_reduce(ranks, records, rows * self.merge) * 1e6,
            // Of numbers, whose maxima and sums take next to no time.
            3.0 * self.all_reduce(ranks, rows * MEGATRON_BYTES as f64, 0.0) * 1e6,
        ]
    }
}

const RANKS: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];
const ROWS: f64 = 8192.0;
/// Bytes a second of a GPU's memory, and between it and the host: of a round number.
const MEMORY: f64 = 2e12;
const LINK: f64 = 25e9;

fn table(network: &Network) {
    println!(
        "| ranks | all-gather | its bytes a rank | all-reduce | Megatron | kernels, V = 128,256 | V = 262,144 | staging |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for ranks in RANKS {
        let [gather, reduce, megatron] = network.predict(ranks as f64, ROWS);
        let bytes = ROWS * RECORD_BYTES as f64;
        // bf16 scores are read for the statistics, read for the gradient, and written as it.
        let kernels = |vocabulary: f64| 3.0 * ROWS * vocabulary / ranks as f64 * 2.0 / MEMORY * 1e6;
        let staging = (bytes + bytes * ranks as f64) / LINK * 1e6;
        println!(
            "| {ranks} | {gather:.0} µs | {:.1} MB | {reduce:.0} µs | {megatron:.0} µs | {:.0} µs | {:.0} µs | {staging:.0} µs |",
            bytes * (ranks - 1) as f64 / 1e6,
            kernels(128_256.0),
            kernels(262_144.0),
        );
    }
}

fn measure() {
    let (universe, _) = mpi::initialize_with_threading(Threading::Funneled).expect("MPI is not initialised yet");
    let world = universe.world();
    let ranks = world.size() as usize;
    if ranks < 2 {
        return println!("two ranks or more: mpirun -n 2 …, or latency in µs, GB/s and ns a merge to predict from");
    }
    const LONG: usize = 1 << 18;
    let (short, long) = (ping(&world, 8), ping(&world, LONG));
    let network = Network { latency: short, bandwidth: LONG as f64 / (long - short), merge: merge() };
    if world.rank() == 0 {
        let Network { bandwidth, merge, .. } = network;
        println!("8 bytes {:.1} µs, 256 KiB {:.0} µs: {:.2} GB/s", short * 1e6, long * 1e6, bandwidth / 1e9);
        println!("two records merged by the host: {:.0} ns", merge * 1e9);
        println!(
            "| rows | all-gather: measured, predicted | all-reduce | three all-reduces of f32 |\n|---|---|---|---|"
        );
    }
    for rows in [128, 1024, 8192, 32768] {
        let measured = exchanges(&world, rows);
        let predicted = network.predict(ranks as f64, rows as f64);
        if world.rank() == 0 {
            let cells = measured.iter().zip(predicted).map(|(m, p)| format!("{:.0} µs, {p:.0} µs", m * 1e6));
            println!("| {rows} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
    }
}

/// The quickest of many, in seconds: what else runs on the machine only adds to it.
fn quickest(mut once: impl FnMut()) -> f64 {
    const TIMES: usize = 201;
    let time = |_| {
        let begin = Instant::now();
        once();
        begin.elapsed().as_secs_f64()
    };
    (0..TIMES).map(time).fold(f64::INFINITY, f64::min)
}

/// What the host takes to merge two records.
fn merge() -> f64 {
    const RECORDS: usize = 1000;
    let loss = SoftmaxCe::default().spec();
    let record = |max: f32| RowStatistics { max, rest: 3.5, a: 0.5, d: 1.5, ..RowStatistics::zeroed() };
    let pairs: Vec<[RowStatistics; 2]> = (0..RECORDS).map(|at| [record(at as f32 / 300.0), record(1.5)]).collect();
    let all = quickest(|| {
        pairs.iter().for_each(|pair| {
            std::hint::black_box(RowStatistics::merge(&loss, std::hint::black_box(pair)));
        });
    });
    all / RECORDS as f64
}

/// One way of a message between the first two ranks.
fn ping<C: Communicator>(world: &C, bytes: usize) -> f64 {
    let mut message = vec![0_u8; bytes];
    world.barrier();
    let both = quickest(|| match world.rank() {
        0 => {
            world.process_at_rank(1).send(&message[..]);
            world.process_at_rank(1).receive_into(&mut message[..]);
        }
        1 => {
            world.process_at_rank(0).receive_into(&mut message[..]);
            world.process_at_rank(0).send(&message[..]);
        }
        _ => {}
    });
    world.barrier();
    both / 2.0
}

/// The three ways of an exchange of so many rows.
fn exchanges<C: Communicator>(world: &C, rows: usize) -> [f64; 3] {
    let own = vec![Record::zeroed(); rows];
    let mut all = vec![Record::zeroed(); rows * world.size() as usize];
    let gather = quickest(|| world.all_gather_into(&own[..], &mut all[..]));
    let loss = SoftmaxCe::default().spec();
    let operation = UserOperation::commutative(|new, merged| {
        if let (Some(new), Some(merged)) = (new.downcast::<Record>(), merged.downcast::<Record>()) {
            for (new, merged) in new.iter().zip(merged.iter_mut()) {
                let both: [RowStatistics; 2] = [bytemuck::cast(*new), bytemuck::cast(*merged)];
                *merged = RowStatistics::merge(&loss, &both).map_or(*merged, bytemuck::cast);
            }
        }
    });
    let reduce = quickest(|| world.all_reduce_into(&own[..], &mut all[..rows], &operation));
    let numbers = vec![1.0_f32; rows];
    let mut sums = vec![0.0_f32; rows];
    let megatron = quickest(|| {
        for operation in [SystemOperation::max(), SystemOperation::sum(), SystemOperation::sum()] {
            world.all_reduce_into(&numbers[..], &mut sums[..], operation);
        }
    });
    [gather, reduce, megatron]
}
