//! An exchange while the device makes the statistics of the rows behind.

use gpu_loss::{Buffers, SoftmaxCe, wgpu};
use gpu_loss_mpi::{AllGather, Exchange, Options, Record, Round, TensorParallelCe, mpi};
use mpi::traits::Communicator as _;

use crate::one::{POISON, Rank, plain};

/// All-gather, before which all scores become NaN: only statistics that were under way by then keep theirs.
#[derive(Debug)]
struct Spoiling {
    queue: wgpu::Queue,
    scores: wgpu::Buffer,
}

impl Exchange for Spoiling {
    fn name(&self) -> &'static str {
        "all-gather after NaN"
    }

    fn shards(&self, ranks: usize) -> usize {
        AllGather.shards(ranks)
    }

    fn bytes(&self, ranks: usize, rows: usize) -> u64 {
        AllGather.bytes(ranks, rows)
    }

    fn exchange(&self, round: &mut Round<'_>, own: &[Record], all: &mut [Record]) {
        let nan = vec![f32::NAN; self.scores.size() as usize / 4];
        self.queue.write_buffer(&self.scores, 0, bytemuck::cast_slice(&nan));
        AllGather.exchange(round, own, all);
    }
}

/// In the first exchange two more chunks are on the device already.
pub(crate) fn next_chunks_are_under_way() {
    let rank = Rank::new();
    let (ranks, me) = (rank.world.size() as usize, rank.world.rank() as usize);
    let step = rank.gpu.device().limits().min_storage_buffer_offset_alignment as usize;
    let n = 4 * step;
    let scores = rank.upload(bytemuck::cast_slice(&vec![0.5_f32; n * 4]));
    let labels = rank.upload(bytemuck::cast_slice(&vec![1_i64; n]));
    let [mean, losses] = [4, n * 4].map(|bytes| rank.upload(&vec![POISON; bytes]));
    let exchange = Spoiling { queue: rank.gpu.queue().clone(), scores: scores.clone() };
    let options = Options::default().exchange(exchange).chunk_rows(0);
    let layout = plain(n, 4, 4 * me, 4 * ranks).with_losses();
    let mut ce = TensorParallelCe::new(&rank.gpu, &rank.world, &SoftmaxCe::default(), &layout, options).expect("plans");
    ce.forward(&Buffers::new(&scores, &labels).loss(&mean).losses(&losses)).expect("forward");
    assert_eq!(ce.traffic().collectives, 4);
    let losses: Vec<f32> = bytemuck::pod_collect_to_vec(&rank.download(&losses)[..n * 4]);
    let (early, late) = losses.split_at(3 * step);
    let expected = (4.0 * ranks as f32).ln();
    assert!(early.iter().all(|loss| (loss - expected).abs() < 1e-5), "{early:?}, expected {expected}");
    assert!(late.iter().all(|loss| loss.is_nan()), "the last chunk goes after the first exchange: {late:?}");
}
