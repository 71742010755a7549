//! Batches of random numbers: a tile of some rows, made on the host, that the device's buffers repeat.

use gpu_loss::batch::{TargetForm, bf16, f16};
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Dtype, Shape, Targets};
use ndarray::{ArrayD, IxDyn};

use super::shapes::Case;
use crate::failure::Failure;

/// Elements of a tile: more than any cache of a core keeps, few enough for the float64 reference.
const TILE: usize = 1 << 20;
/// Classes of the longest list.
const LISTED: usize = 4;

/// Some rows of a batch; the rest repeats them.
pub(crate) struct Tile {
    /// How many `n` it has, of how many.
    pub(crate) n: usize,
    case: Case,
    /// As the type of scores rounds them.
    scores: ArrayD<f32>,
    targets: TileTargets,
}

enum TileTargets {
    Classes(Vec<i64>),
    Lists { offsets: Vec<i64>, indices: Vec<i64> },
    Probabilities(ArrayD<f32>),
    Logits(ArrayD<f32>),
}

impl Tile {
    pub(crate) fn new(case: &Case) -> Self {
        let Shape { n: all, classes, inner } = case.shape;
        // Whole tiles are whole words of every array, so that they begin where a copy may.
        let unit = if (classes * inner * case.dtype.size()).is_multiple_of(4) { 1 } else { 2 };
        let n = (TILE / (classes * inner) / unit * unit).max(unit).min(all);
        let mut random = Random(case.shape.elements() as u64);
        let dims = if inner == 1 { vec![n, classes] } else { vec![n, classes, inner] };
        let probabilities = case.kind.takes_probabilities();
        let scores = ArrayD::from_shape_simple_fn(IxDyn(&dims), || {
            let [a, b] = random.units();
            let score = if probabilities { 0.01 + 0.98 * a } else { 8.0 * (a + b - 1.0) };
            round(score, case.dtype)
        });
        let tile = Shape { n, ..case.shape };
        let targets = match case.form {
            TargetForm::Lists => lists(&mut random, &tile),
            TargetForm::Logits => TileTargets::Logits(ArrayD::from_shape_simple_fn(IxDyn(&dims), || {
                let [a, b] = random.units();
                8.0 * (a + b - 1.0)
            })),
            TargetForm::Classes => {
                TileTargets::Classes((0..tile.rows()).map(|_| random.below(classes) as i64).collect())
            }
            // The dense ones.
            _ => {
                let raw = ArrayD::from_shape_simple_fn(IxDyn(&dims), || random.units()[0]);
                TileTargets::Probabilities(if case.kind.per_row() { normalised(raw) } else { raw })
            }
        };
        Tile { n, case: *case, scores, targets }
    }

    /// The scores as stored.
    pub(crate) fn score_bytes(&self) -> Vec<u8> {
        match self.case.dtype {
            Dtype::F32 => self.scores.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::F16 => self.scores.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
            Dtype::Bf16 => self.scores.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
        }
    }

    /// The targets of the tile, to be repeated; for lists the offsets of the whole batch, which do not repeat.
    pub(crate) fn target_bytes(&self) -> Vec<u8> {
        match &self.targets {
            TileTargets::Classes(labels) => labels.iter().flat_map(|v| v.to_le_bytes()).collect(),
            TileTargets::Probabilities(t) | TileTargets::Logits(t) => t.iter().flat_map(|v| v.to_le_bytes()).collect(),
            TileTargets::Lists { .. } => {
                (0..=self.case.shape.rows()).flat_map(|r| self.offset(r).to_le_bytes()).collect()
            }
        }
    }

    /// Bytes of the whole batch's labels, offsets or probabilities.
    pub(crate) fn all_target_bytes(&self) -> u64 {
        let shape = &self.case.shape;
        match &self.targets {
            TileTargets::Classes(_) => shape.rows() as u64 * 8,
            TileTargets::Lists { .. } => (shape.rows() as u64 + 1) * 8,
            TileTargets::Probabilities(_) | TileTargets::Logits(_) => shape.elements() as u64 * 4,
        }
    }

    /// The class indices of the whole batch.
    pub(crate) fn index_bytes(&self) -> Option<Vec<u8>> {
        let TileTargets::Lists { indices, .. } = &self.targets else { return None };
        let all = self.offset(self.case.shape.rows()) as usize;
        Some(indices.iter().cycle().take(all).flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Where a row of the whole batch begins among the indices.
    fn offset(&self, row: usize) -> i64 {
        let TileTargets::Lists { offsets, indices } = &self.targets else { return 0 };
        let rows = offsets.len() - 1;
        (row / rows * indices.len()) as i64 + offsets[row % rows]
    }

    /// What the tile comes to as a part of the whole batch.
    pub(crate) fn reference(&self) -> Result<Reference, Failure> {
        let mut spec = self.case.spec();
        let shape = &self.case.shape;
        // The mean is over the whole batch, whose rows all count.
        spec.denominator = Some(if self.case.kind.per_row() { shape.rows() } else { shape.elements() } as f32);
        let row_dims: Vec<usize> = match shape.inner {
            1 => vec![self.n],
            inner => vec![self.n, inner],
        };
        let labels;
        let targets = match &self.targets {
            TileTargets::Classes(all) => {
                labels = ndarray::ArrayView::from_shape(IxDyn(&row_dims), all)
                    .map_err(|e| Failure::device(format!("labels of a tile: {e}")))?;
                Targets::from(&labels)
            }
            TileTargets::Lists { offsets, indices } => Targets::lists(offsets, indices),
            TileTargets::Probabilities(t) => Targets::from(t.view()),
            TileTargets::Logits(t) => Targets::logits(t.view()),
        };
        let result = reference::run(&spec, &Batch::new(self.scores.view(), targets));
        result.map_err(|error| Failure::library(&error, None))
    }
}

/// Probabilities that sum to 1 over the classes.
fn normalised(mut raw: ArrayD<f32>) -> ArrayD<f32> {
    let sums = raw.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    // Rounding may take a single class's quotient past 1.
    raw /= &sums;
    raw.mapv_inplace(|v| v.min(1.0));
    raw
}

/// One to four classes a row, in order.
fn lists(random: &mut Random, tile: &Shape) -> TileTargets {
    let (mut offsets, mut indices) = (vec![0], Vec::new());
    for _ in 0..tile.rows() {
        let count = 1 + random.below(LISTED.min(tile.classes));
        let mut row: Vec<i64> = (0..count).map(|_| random.below(tile.classes) as i64).collect();
        row.sort_unstable();
        row.dedup();
        indices.append(&mut row);
        offsets.push(indices.len() as i64);
    }
    TileTargets::Lists { offsets, indices }
}

/// The nearest number of a type.
fn round(value: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F32 => value,
        Dtype::F16 => f16::from_f32(value).to_f32(),
        Dtype::Bf16 => bf16::from_f32(value).to_f32(),
    }
}

/// Sebastiano Vigna's SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Two numbers in (0, 1).
    fn units(&mut self) -> [f32; 2] {
        let bits = self.next();
        [bits >> 41, (bits >> 17) & 0x7f_ffff].map(|part| (part as f32 + 0.5) / (1 << 23) as f32)
    }

    fn below(&mut self, end: usize) -> usize {
        (((self.next() >> 32) * end as u64) >> 32) as usize
    }
}
