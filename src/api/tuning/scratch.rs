//! Device buffers with a made-up batch: random, for zeros take no time to load on some adapters and no `exp` on others.

use crate::batch::{Dtype, TargetForm, bf16, f16};
use crate::device::{Context, guarded};
use crate::error::Result;
use crate::layout::{IntegerType, Layout, STATISTICS_BYTES, Upstream};
use crate::loss::Spec;
use crate::plan::{Buffers, Region, STATUS_BYTES};

/// Random values that are repeated over the scores; a prime, so that rows differ.
const TILE: usize = 65_521;

/// The buffers of one layout of [`Mode::Whole`](crate::layout::Mode::Whole), every output among them.
pub(super) struct Scratch {
    scores: wgpu::Buffer,
    targets: wgpu::Buffer,
    indices: (wgpu::Buffer, u64),
    element_weights: Option<wgpu::Buffer>,
    upstream: Option<wgpu::Buffer>,
    entropy_upstream: Option<wgpu::Buffer>,
    denominator: Option<wgpu::Buffer>,
    grad: Option<wgpu::Buffer>,
    pub(super) loss: wgpu::Buffer,
    losses: Option<wgpu::Buffer>,
    lse: Option<wgpu::Buffer>,
    argmax: Option<wgpu::Buffer>,
    log_prob: Option<wgpu::Buffer>,
    entropy: Option<wgpu::Buffer>,
    rank: Option<wgpu::Buffer>,
    grad_class_bias: Option<wgpu::Buffer>,
    statistics: Option<wgpu::Buffer>,
    status: wgpu::Buffer,
    /// Where the loss is read from, once a run is over.
    pub(super) staging: wgpu::Buffer,
}

impl Scratch {
    pub(super) async fn new(context: &Context, spec: &Spec, layout: &Layout) -> Result<Self> {
        guarded(context, "reserving buffers to time plans with", || filled(context, spec, layout)).await
    }

    pub(super) fn buffers(&self) -> Buffers<'_> {
        let (indices, index_bytes) = &self.indices;
        Buffers::new(&self.scores, &self.targets)
            .target_indices(Region::new(indices, 0, *index_bytes))
            .element_weights(self.element_weights.as_ref())
            .upstream(self.upstream.as_ref())
            .entropy_upstream(self.entropy_upstream.as_ref())
            .denominator(self.denominator.as_ref())
            .grad(self.grad.as_ref())
            .loss(&self.loss)
            .losses(self.losses.as_ref())
            .lse(self.lse.as_ref())
            .argmax(self.argmax.as_ref())
            .log_prob(self.log_prob.as_ref())
            .entropy(self.entropy.as_ref())
            .rank(self.rank.as_ref())
            .grad_class_bias(self.grad_class_bias.as_ref())
            .statistics(self.statistics.as_ref())
            .status(&self.status)
    }
}

fn filled(context: &Context, spec: &Spec, layout: &Layout) -> Scratch {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (rows, elements) = (layout.shape.rows() as u64, layout.shape.elements() as u64);
    let n = layout.shape.n as u64;
    let losses = if spec.kind.per_row() { rows } else { elements };
    let room = |bytes: u64, usage| {
        context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu-loss timing"),
            size: bytes.next_multiple_of(16).max(16),
            usage,
            mapped_at_creation: false,
        })
    };
    let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let out = |wanted: bool, bytes: u64| wanted.then(|| room(bytes, storage));
    let input = |mut bytes: Vec<u8>| {
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        let buffer = room(bytes.len() as u64, storage);
        context.queue.write_buffer(&buffer, 0, &bytes);
        buffer
    };
    let unit = spec.kind.takes_probabilities();
    let scores = random.tile(|r| if unit { 0.01 + 0.98 * r.unit() } else { 8.0 * r.unit() - 4.0 });
    let scores_elements = n * layout.scores_step();
    let (targets, indices) = targets(&mut random, spec, layout);
    let index_bytes = indices.len() as u64;
    let positive = random.tile(|r| 0.5 + r.unit());
    let upstreams = if layout.upstream == Upstream::PerLoss { losses } else { 1 };
    Scratch {
        scores: input(stored(&scores, layout.dtype, scores_elements)),
        targets: input(targets),
        indices: (input(indices), index_bytes.max(4)),
        element_weights: layout.element_weights.then(|| input(stored(&positive, Dtype::F32, elements))),
        upstream: (layout.upstream != Upstream::One).then(|| input(stored(&positive, Dtype::F32, upstreams))),
        entropy_upstream: layout.entropy_upstream.then(|| input(stored(&positive, Dtype::F32, rows))),
        denominator: layout.denominator.then(|| input(stored(&positive, Dtype::F32, 1))),
        grad: out(layout.outputs.grad, layout.grad_bytes()),
        loss: room(4, storage),
        losses: out(layout.outputs.hands_out_losses(spec), losses * 4),
        lse: out(layout.outputs.lse, rows * 4),
        argmax: out(layout.outputs.argmax, rows * 4),
        log_prob: out(layout.outputs.log_prob, rows * 4),
        entropy: out(layout.outputs.entropy, rows * 4),
        rank: out(layout.outputs.rank, rows * 4),
        grad_class_bias: out(layout.sums_classes(), layout.shape.classes as u64 * 4),
        statistics: out(layout.statistics, rows * STATISTICS_BYTES),
        status: room(STATUS_BYTES, storage),
        staging: room(4, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
    }
}

/// Targets, and the indices of lists.
fn targets(random: &mut Random, spec: &Spec, layout: &Layout) -> (Vec<u8>, Vec<u8>) {
    let (rows, classes) = (layout.shape.rows(), layout.shape.classes as u64);
    let elements = layout.shape.elements() as u64;
    match layout.targets {
        TargetForm::Classes => (integers((0..rows).map(|_| random.below(classes)), layout.integers), Vec::new()),
        TargetForm::Lists => {
            let (mut offsets, mut indices) = (vec![0], Vec::new());
            for _ in 0..rows {
                let length = 1 + random.below(classes.min(layout.longest_list.clamp(1, 4) as u64));
                let first = random.below(classes - length + 1);
                indices.extend(first..first + length);
                offsets.push(indices.len() as u64);
            }
            (integers(offsets.into_iter(), layout.integers), integers(indices.into_iter(), layout.indices))
        }
        TargetForm::MultiHot => ((0..elements).map(|_| u8::from(random.below(8) == 0)).collect(), Vec::new()),
        TargetForm::Logits => (stored(&random.tile(|r| 8.0 * r.unit() - 4.0), layout.teacher, elements), Vec::new()),
        TargetForm::Probabilities => {
            let most = if spec.kind.per_row() { 2.0 / classes as f32 } else { 1.0 };
            (stored(&random.tile(|r| most * r.unit()), Dtype::F32, elements), Vec::new())
        }
    }
}

fn integers(values: impl Iterator<Item = u64>, of: IntegerType) -> Vec<u8> {
    let words = of.words() as usize;
    values.flat_map(|value| value.to_le_bytes().into_iter().take(4 * words)).collect()
}

/// So many elements, a tile of values over and over.
fn stored(tile: &[f32], dtype: Dtype, elements: u64) -> Vec<u8> {
    let bytes: Vec<u8> = match dtype {
        Dtype::F32 => tile.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F16 => tile.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        Dtype::Bf16 => tile.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
    };
    let wanted = elements as usize * dtype.size();
    let mut all = bytes.repeat(wanted.div_ceil(bytes.len().max(1)));
    all.truncate(wanted);
    all
}

/// Knuth's linear congruence, always from the same beginning.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 32
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 8) as f32 / (1 << 24) as f32
    }

    /// A number in `0..end`, end at least 1 and of 32 bits.
    fn below(&mut self, end: u64) -> u64 {
        (self.next() * end) >> 32
    }

    fn tile(&mut self, mut value: impl FnMut(&mut Self) -> f32) -> Vec<f32> {
        (0..TILE).map(|_| value(self)).collect()
    }
}
