//! The forms of target, read one element at a time.

use crate::batch::{Shape, Targets};
use crate::error::{Error, Result};
use crate::loss::Spec;

/// Whether a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    Valid,
    Ignored,
}

/// The targets of all rows.
pub(super) enum RowTargets {
    /// One class a row, `None` where ignored.
    Classes(Vec<Option<usize>>),
    /// The true classes of each row.
    Sets(Vec<Vec<usize>>),
    /// One number an element, in the scores' order.
    Dense(Vec<f64>),
}

impl RowTargets {
    /// Reads targets that `check` has passed; labels out of range are found here.
    pub(super) fn new(spec: &Spec, targets: &Targets<'_>, shape: &Shape) -> Result<Self> {
        Ok(match targets {
            Targets::Classes(labels) => {
                let all: Vec<i64> = labels.iter().collect();
                let valid = |label: i64| usize::try_from(label).is_ok_and(|c| c < shape.classes);
                let bad = |label: &&i64| Some(**label) != spec.ignore_index && !valid(**label);
                let count = all.iter().filter(bad).count() as u64;
                if let Some(row) = all.iter().position(|label| bad(&label)) {
                    let classes = shape.classes as u64;
                    return Err(Error::ClassOutOfRange { row: row as u64, class: all[row], classes, count });
                }
                let class = |label: i64| (Some(label) != spec.ignore_index).then_some(label as usize);
                RowTargets::Classes(all.into_iter().map(class).collect())
            }
            Targets::Lists { offsets, indices } => {
                let offsets: Vec<usize> = offsets.iter().map(|o| o as usize).collect();
                let indices: Vec<usize> = indices.iter().map(|i| i as usize).collect();
                RowTargets::Sets(offsets.windows(2).map(|w| indices[w[0]..w[1]].to_vec()).collect())
            }
            Targets::MultiHot(marks) => {
                let bytes: Vec<u8> = marks.iter().collect();
                let set = |row| (0..shape.classes).filter(|c| bytes[super::position(shape, row, *c)] != 0).collect();
                RowTargets::Sets((0..shape.rows()).map(set).collect())
            }
            Targets::Probabilities(p) => RowTargets::Dense(p.iter().map(f64::from).collect()),
            Targets::Logits(teacher) => RowTargets::Dense(teacher.iter().map(f64::from).collect()),
        })
    }

    pub(super) fn state(&self, row: usize) -> RowState {
        match self {
            RowTargets::Classes(labels) if labels[row].is_none() => RowState::Ignored,
            _ => RowState::Valid,
        }
    }

    /// All labels, if these are classes.
    pub(super) fn labels(&self) -> Option<&[Option<usize>]> {
        if let RowTargets::Classes(labels) = self { Some(labels) } else { None }
    }

    /// A row's class, if these are classes.
    pub(super) fn label(&self, row: usize) -> Option<usize> {
        self.labels().and_then(|labels| labels[row])
    }

    /// `M`, where a row is a set of true classes.
    pub(super) fn true_classes(&self, row: usize) -> Option<usize> {
        match self {
            RowTargets::Classes(_) => Some(1),
            RowTargets::Sets(sets) => Some(sets[row].len()),
            RowTargets::Dense(_) => None,
        }
    }

    /// `t` of one element.
    pub(super) fn target(&self, shape: &Shape, row: usize, class: usize) -> f64 {
        match self {
            RowTargets::Classes(labels) => f64::from(u8::from(labels[row] == Some(class))),
            RowTargets::Sets(sets) => f64::from(u8::from(sets[row].binary_search(&class).is_ok())),
            RowTargets::Dense(values) => values[super::position(shape, row, class)],
        }
    }
}
