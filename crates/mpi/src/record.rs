//! What goes over the network: the 32 bytes of a row, as one MPI datatype, and the mark of a rank that failed.

use bytemuck::{Pod, Zeroable};
use gpu_loss::layout::RowStatistics;
use gpu_loss::loss::Spec;
use mpi::traits::Equivalence;

/// A row's statistics as MPI moves them. They are one datatype, so that no algorithm of MPI's splits a record.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable, Equivalence)]
pub struct Record {
    words: [u32; 8],
}

/// Bytes of a record.
pub const RECORD_BYTES: usize = size_of::<Record>();

/// In the flags of a record that stands for a rank that failed. The kernels use the lowest bits alone.
const FAILED: u32 = 1 << 31;
/// In the flags of a merged record: shards disagree about whether the row is ignored, or whether it has a true class.
const MIXED_IGNORED: u32 = 1 << 30;
const MIXED_CLASSLESS: u32 = 1 << 29;

/// Of the kernels' flags (`shaders/row/statistics.wgsl`): whether the row is live (0), ignored (1) or bad (2).
const STATE: u32 = 3;
const IGNORED: u32 = 1;
/// The mark of a row without a true class.
const CLASSLESS: u32 = 4;

/// Where the flags are.
const FLAGS: usize = 7;

impl Record {
    /// What a rank that failed sends in place of statistics.
    pub(crate) fn failure(rank: usize) -> Self {
        let mut words = [0; 8];
        words[FLAGS] = FAILED | rank as u32;
        Record { words }
    }

    /// The rank that failed, if this tells of one.
    pub(crate) fn failed(&self) -> Option<usize> {
        let flags = self.words[FLAGS];
        (flags & FAILED != 0).then_some((flags & !FAILED) as usize)
    }

    /// The row's statistics.
    pub(crate) fn row(&self) -> RowStatistics {
        bytemuck::cast(*self)
    }

    /// What of the flags a look at all shards of a row adds up, in any order: states, and what shards disagree about.
    pub(crate) fn marks(one: &Self, other: &Self) -> Marks {
        let flags = [one.words[FLAGS], other.words[FLAGS]];
        let (either, apart) = (flags[0] | flags[1], flags[0] ^ flags[1]);
        let ignored = if apart & IGNORED != 0 { MIXED_IGNORED } else { 0 };
        let classless = if apart & CLASSLESS != 0 { MIXED_CLASSLESS } else { 0 };
        Marks(either & (STATE | CLASSLESS | MIXED_IGNORED | MIXED_CLASSLESS) | ignored | classless)
    }

    /// Of two shards of a row, the record of both. The order of the two does not matter; that of several merges does,
    /// in the last bits. A record that stands for a rank that failed wins, that of the lowest rank first.
    #[must_use]
    pub fn merge(loss: &Spec, one: &Self, other: &Self) -> Self {
        match (one.failed(), other.failed()) {
            (Some(first), Some(second)) => Self::failure(first.min(second)),
            (Some(_), None) => *one,
            (None, Some(_)) => *other,
            (None, None) => match RowStatistics::merge(loss, &[one.row(), other.row()]) {
                Some(row) => {
                    let mut merged: Record = bytemuck::cast(row);
                    merged.words[FLAGS] |= Self::marks(one, other).0 & (MIXED_IGNORED | MIXED_CLASSLESS);
                    merged
                }
                None => *one,
            },
        }
    }
}

/// What the shards of a row say of its target.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks(u32);

impl Marks {
    /// These and those.
    pub(crate) fn and(self, others: Self) -> Self {
        Marks(self.0 | others.0)
    }

    /// Whether the row is neither ignored nor bad.
    pub(crate) fn counts(self) -> bool {
        self.0 & STATE == 0
    }

    /// Whether it has no true class.
    pub(crate) fn classless(self) -> bool {
        self.0 & CLASSLESS != 0
    }

    /// What shards disagree about that were given the same targets. A bad row is told by the status, and of an ignored one
    /// nothing else counts.
    pub(crate) fn problem(self) -> Option<&'static str> {
        match self.0 {
            marks if marks & STATE > IGNORED => None,
            marks if marks & MIXED_IGNORED != 0 => Some("some shards ignore it and others do not"),
            marks if marks & MIXED_CLASSLESS != 0 && marks & IGNORED == 0 => {
                Some("some shards see a true class of it and others see none")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu_loss::SoftmaxCe;
    use gpu_loss::loss::Loss as _;

    fn record(max: f32, rest: f32, a: f32, best_at: u32) -> Record {
        bytemuck::cast(RowStatistics { max, rest, a, d: 0.0, best: max, best_at, greatest: 0.0, flags: 0 })
    }

    #[test]
    fn two_records_merge_to_the_same_bits_in_both_orders() {
        let loss = SoftmaxCe::default().spec();
        let numbers = [-3.5_f32, 0.0, 7.25, f32::NEG_INFINITY, f32::INFINITY];
        for (i, one) in numbers.iter().enumerate() {
            for (k, other) in numbers.iter().enumerate() {
                let one = record(*one, 0.3 * i as f32, 1.0, 4);
                let other = record(*other, 0.7 * k as f32, 0.0, 9);
                assert_eq!(Record::merge(&loss, &one, &other), Record::merge(&loss, &other, &one), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_merged_record_is_that_of_the_whole_row() {
        let loss = SoftmaxCe::default().spec();
        let merged = Record::merge(&loss, &record(1.0, (-1.0_f32).exp(), 0.0, 1), &record(3.0, 0.0, 1.0, 2)).row();
        let lse = (1.0 + 1.0_f64.exp() + 3.0_f64.exp()).ln();
        assert!((merged.lse(&loss) - lse).abs() < 1e-6, "{merged:?}, expected a log-sum-exp of {lse}");
        assert_eq!((merged.a, merged.best_at), (1.0, 2));
    }

    #[test]
    fn shards_that_disagree_about_a_row_are_told_after_every_merge() {
        let loss = SoftmaxCe::default().spec();
        let flagged = |flags: u32, max: f32| -> Record {
            let mut record = record(max, 0.5, 1.0, 0);
            record.words[FLAGS] = flags;
            record
        };
        let says = |flags: [u32; 3]| {
            let records = [flagged(flags[0], 1.0), flagged(flags[1], 3.0), flagged(flags[2], 2.0)];
            let [merged, mirrored] = [[0, 1, 2], [2, 1, 0]].map(|order| {
                let [one, other, last] = order.map(|at| records[at]);
                Record::merge(&loss, &Record::merge(&loss, &one, &other), &last)
            });
            let told = Record::marks(&merged, &merged).problem();
            assert_eq!(told, Record::marks(&mirrored, &mirrored).problem(), "{flags:?}");
            told.unwrap_or_default()
        };
        assert_eq!(says([0, 0, 0]), "");
        assert_eq!(says([IGNORED; 3]), "");
        assert_eq!(says([CLASSLESS; 3]), "");
        for at in 0..3 {
            let one = |flag: u32| std::array::from_fn(|k| if k == at { flag } else { 0 });
            assert_eq!(says(one(IGNORED)), "some shards ignore it and others do not");
            assert_eq!(says(one(CLASSLESS)), "some shards see a true class of it and others see none");
            // A bad row is told by the status.
            assert_eq!(says(one(2)), "");
        }
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1]] {
            assert_eq!(says(order), "", "{order:?}");
        }
    }

    #[test]
    fn a_failure_survives_every_merge() {
        let loss = SoftmaxCe::default().spec();
        let (row, third, first) = (record(1.0, 0.5, 1.0, 0), Record::failure(3), Record::failure(1));
        assert_eq!(row.failed(), None);
        assert_eq!(Record::merge(&loss, &row, &third).failed(), Some(3));
        assert_eq!(Record::merge(&loss, &third, &row).failed(), Some(3));
        assert_eq!(Record::merge(&loss, &third, &first).failed(), Some(1));
    }
}
