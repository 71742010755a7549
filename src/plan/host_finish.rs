//! What a host can do of a plan by itself where the batch is its own and small. A dispatch costs microseconds however little
//! it does, and a small batch has three: scan, traversal, sum. The host counts labels and adds up losses in the order of
//! `shaders/reduce`, to the same bits.

use super::Plan;
use crate::batch::{Integers, MISSING_LABEL, TargetForm, Targets};
use crate::error::{Error, Result};
use crate::layout::{Mode, Upstream};
use crate::loss::Spec;
use crate::schedule::{Schedule, Scheduler};

/// What of a plan's work the host can do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostFinish {
    /// Dispatches at the beginning that find nothing which the host does not know.
    scans: usize,
    /// How many values the last dispatch adds up.
    values: usize,
    /// What scales come to but for the labels.
    mean_factor: f32,
    scanned: bool,
}

/// What losses and gradients are multiplied by: `Scales` of `shaders/scales.wgsl`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scales {
    pub(crate) grad: f32,
    pub(crate) loss: f32,
}

/// By their bits: NaN is NaN.
impl PartialEq for Scales {
    fn eq(&self, other: &Self) -> bool {
        [self.grad, self.loss].map(f32::to_bits) == [other.grad, other.loss].map(f32::to_bits)
    }
}

impl HostFinish {
    /// What a host could do of a schedule for a batch of its own.
    pub(super) fn of(scheduler: &Scheduler<'_>, schedule: &Schedule) -> Option<HostFinish> {
        let layout = scheduler.layout;
        let told = layout.mode == Mode::Whole && !layout.denominator && layout.upstream != Upstream::Scalar;
        let few = layout.targets != TargetForm::Classes || scheduler.rows_tell() || scheduler.sizes.few_labels;
        let values = schedule.summed_at_once.filter(|_| told && few)? as usize;
        let (mean_factor, scanned) = (scheduler.mean_factor(), scheduler.mean_is_scanned());
        Some(HostFinish { scans: schedule.scans, values, mean_factor, scanned })
    }

    /// How many values are to be added up, each an f32: the losses of rows, or partial sums.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Goes through the targets as the scan does; lists and dense targets were checked before.
    pub(crate) fn scales(&self, spec: &Spec, classes: usize, targets: &Targets<'_>) -> Result<Scales> {
        let factor = match targets {
            Targets::Classes(labels) => self.factor(spec, classes, labels)?,
            Targets::MultiHot(marks) if self.scanned => {
                match marks.iter().filter(|mark| *mark != MISSING_LABEL).count() {
                    0 => self.mean_factor,
                    known => 1.0 / known as f32,
                }
            }
            _ => self.mean_factor,
        };
        Ok(Scales { grad: factor, loss: if factor == 0.0 { spec.empty_mean.value() } else { factor } })
    }

    fn factor(&self, spec: &Spec, classes: usize, labels: &Integers<'_>) -> Result<f32> {
        let weight = |class: usize| spec.class_weights.as_ref().map_or(1.0, |weights| weights[class]);
        let (mut weights, mut valid) = (Vec::with_capacity(labels.len()), 0_u32);
        let (mut first_bad, mut bad) = (None, 0);
        for (row, label) in labels.iter().enumerate() {
            weights.push(match usize::try_from(label) {
                _ if spec.ignore_index == Some(label) => 0.0,
                Ok(class) if class < classes => {
                    valid += 1;
                    weight(class)
                }
                _ => {
                    first_bad = first_bad.or(Some((row as u64, label)));
                    bad += 1;
                    0.0
                }
            });
        }
        if let Some((row, class)) = first_bad {
            return Err(Error::ClassOutOfRange { row, class, classes: classes as u64, count: bad });
        }
        let over = if spec.kind.per_row() { sum(&weights) } else { valid as f32 * classes as f32 };
        Ok(if self.scanned && over > 0.0 { 1.0 / over } else { self.mean_factor })
    }
}

impl Plan {
    /// What the host can do, if it is all that one dispatch before the traversal and one behind it do.
    pub(crate) fn host_finish(&self) -> Option<HostFinish> {
        self.host_finish
    }

    /// The dispatches that are left.
    pub(super) fn steps_beside(&self, host_finish: Option<&HostFinish>) -> std::ops::Range<usize> {
        host_finish.map_or(0..self.steps.len(), |host_finish| host_finish.scans..self.steps.len() - 1)
    }

    /// The sums of parts of the batch, where losses of single elements are added up.
    pub(crate) fn partial_sums(&self) -> &wgpu::Buffer {
        &self.own.work.scratch
    }

    /// Writes scales where the scan would have.
    pub(super) fn write_scales(&self, scales: Scales) {
        // No row is bad: the host has seen to that.
        let words = [scales.grad.to_bits(), scales.loss.to_bits(), 0];
        self.context.queue.write_buffer(&self.own.work.scales, 0, bytemuck::cast_slice(&words));
    }
}

/// As `shaders/reduce/sum.wgsl` adds one block of losses up.
pub(crate) fn scaled_sum(values: &[f32], scale: f32) -> f32 {
    let scaled: Vec<f32> = values.iter().map(|value| scale * value).collect();
    sum(&scaled)
}

/// As `shaders/reduce/sum.wgsl` adds one block up, and `scan_finish.wgsl` weights: 64 sums side by side, then their tree.
pub(crate) fn sum(values: &[f32]) -> f32 {
    let mut partial = [0.0_f32; 64];
    for row in values.chunks(partial.len()) {
        partial.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    let mut half = partial.len() / 2;
    while half > 0 {
        for k in 0..half {
            partial[k] += partial[k + half];
        }
        half /= 2;
    }
    partial[0]
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn as_many_sums_as_invocations_then_a_tree() {
        assert_eq!(sum(&[]), 0.0);
        let values: Vec<f32> = (0..200).map(|k| 1.0 + 0.25 * (k % 7) as f32).collect();
        assert_eq!(f64::from(sum(&values)), values.iter().map(|v| f64::from(*v)).sum::<f64>());
        // 2^24 swallows a 1 that is added to it, not two that were added up before.
        let mut values = vec![0.0; 130];
        (values[0], values[64], values[1], values[33]) = (16_777_216.0, 1.0, 1.0, 1.0);
        assert_eq!(sum(&values), 16_777_218.0);
    }
}
