//! What is kept of a row between passes, devices and steps, as the host sees it.

use bytemuck::{Pod, Zeroable};

use crate::loss::Loss;

/// A row's statistics, as plans write and read them: `RowStatistics` of `shaders/row/statistics.wgsl`, field by field.
///
/// Records of the shards of a vocabulary are merged on the device by a plan of [`Mode::Merge`](super::Mode::Merge), or
/// here on the host, where they come over the network, say.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct RowStatistics {
    /// The greatest `u` of these classes (before a logit scale without a softcap or class bias); `+∞` where the row holds a NaN.
    pub max: f32,
    /// `Σ exp(u − max)` without one class that attains the max; −1 if all are masked.
    pub rest: f32,
    /// `A = Σ B` over these classes.
    pub a: f32,
    /// `Σ B·(max − u)` over these classes.
    pub d: f32,
    /// The greatest score, where the highest class is wanted.
    pub best: f32,
    /// Its class; `u32::MAX` if there is none.
    pub best_at: u32,
    /// `Σ exp(u − max)·(max − u)`, the row's spread, where its entropy counts or is wanted: `H = log1p(rest) +
    /// greatest / (1 + rest)`. Otherwise the greatest dense target, where correct rows are counted.
    pub greatest: f32,
    /// Whether the row is live (0), ignored (1) or bad (2), and marks above these two bits.
    pub flags: u32,
}

impl RowStatistics {
    /// Merges a row's records over all shards, in any order; `None` without any.
    ///
    /// ```
    /// use gpu_loss::{SoftmaxCe, layout::RowStatistics};
    /// // Two shards of scores [0, 1] and [3], whose true class is the last.
    /// let one = RowStatistics { max: 1.0, rest: (-1.0_f32).exp(), a: 0.0, d: 0.0, ..bytemuck::Zeroable::zeroed() };
    /// let two = RowStatistics { max: 3.0, rest: 0.0, a: 1.0, d: 0.0, ..one };
    /// let row = RowStatistics::merge(&SoftmaxCe::default(), &[one, two]).expect("two records");
    /// let lse = (1.0 + 1.0_f64.exp() + 3.0_f64.exp()).ln();
    /// assert!((row.lse(&SoftmaxCe::default()) - lse).abs() < 1e-6);
    /// ```
    pub fn merge<L: Loss>(loss: &L, splits: &[Self]) -> Option<Self> {
        let scale = late_scale(loss);
        let mut merged = *splits.first()?;
        let mut greatest_of_best = merged.greatest;
        for split in &splits[1..] {
            if split.best > merged.best || (split.best == merged.best && split.best_at < merged.best_at) {
                (merged.best, merged.best_at) = (split.best, split.best_at);
                merged.flags = split.flags | (merged.flags & STATE);
                greatest_of_best = split.greatest;
            }
            merged.max = merged.max.max(split.max);
            merged.greatest = merged.greatest.max(split.greatest);
            merged.flags |= split.flags & STATE;
        }
        if greatest_of_best != merged.greatest {
            merged.flags &= !BEST_IS_GREATEST;
        }
        let (mut rest, mut at_top, mut a, mut d, mut spread) = (0.0, -1.0, 0.0, 0.0, 0.0);
        for split in splits {
            let gap = scale * (f64::from(merged.max) - f64::from(split.max));
            if split.max == merged.max {
                rest += f64::from(split.rest);
                at_top += 1.0;
                spread += f64::from(split.greatest);
            } else {
                let sum = f64::from(split.rest) + 1.0;
                rest += sum * (-gap).exp();
                if (-gap).exp() > 0.0 {
                    spread += (f64::from(split.greatest) + gap * sum) * (-gap).exp();
                }
            }
            a += f64::from(split.a);
            d += f64::from(split.d) + if split.a == 0.0 { 0.0 } else { f64::from(split.a) * gap };
        }
        (merged.rest, merged.a, merged.d) = ((rest + at_top) as f32, a as f32, d as f32);
        if merged.flags & SPREAD_KNOWN != 0 {
            merged.greatest = spread as f32;
        }
        Some(merged)
    }

    /// The row's entropy; NaN where [`lse`](Self::lse) is, and where the plan that made the statistics counts no entropies.
    pub fn entropy<L: Loss>(&self, loss: &L) -> f64 {
        if self.lse(loss).is_nan() || self.flags & SPREAD_KNOWN == 0 {
            return f64::NAN;
        }
        f64::from(self.rest).ln_1p() + f64::from(self.greatest) / (1.0 + f64::from(self.rest))
    }

    /// The row's log-sum-exp; NaN where the row holds one, or nothing but masks.
    pub fn lse<L: Loss>(&self, loss: &L) -> f64 {
        if self.max == f32::INFINITY || self.rest < -0.5 {
            return f64::NAN;
        }
        late_scale(loss) * f64::from(self.max) + f64::from(self.rest).ln_1p()
    }
}

/// The bits of a record's flags that tell live, ignored and bad rows.
const STATE: u32 = 3;
/// The mark of records whose `greatest` is the spread.
const SPREAD_KNOWN: u32 = 16;

/// The mark that the class with the best score has the greatest dense target.
const BEST_IS_GREATEST: u32 = 8;

/// What differences of `max` are multiplied by: a logit scale without a softcap or class bias
/// is applied to differences alone.
fn late_scale<L: Loss>(loss: &L) -> f64 {
    let spec = loss.spec();
    if spec.softcap.is_some() || spec.scales_first() { 1.0 } else { spec.scale() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::SoftmaxCe;

    /// Whether a row is right stays to be told from a merged record, in whatever order its shards are merged.
    #[test]
    fn the_mark_of_a_right_row_goes_where_another_shard_has_a_greater_target() {
        let loss = SoftmaxCe::default();
        let record = |best: f32, best_at: u32, greatest: f32, marked: bool| {
            let flags = if marked { BEST_IS_GREATEST } else { 0 };
            RowStatistics { max: best, best, best_at, greatest, flags, ..Zeroable::zeroed() }
        };
        for (greatest, other, expected) in [(0.4, 0.3, true), (0.3, 0.4, false), (0.4, 0.4, true)] {
            let (best, second) = (record(3.0, 0, greatest, true), record(2.0, 9, other, true));
            for splits in [[best, second], [second, best]] {
                let marked = RowStatistics::merge(&loss, &splits).map(|merged| merged.flags & BEST_IS_GREATEST != 0);
                assert_eq!(marked, Some(expected), "{greatest} and {other}");
            }
        }
    }
}
