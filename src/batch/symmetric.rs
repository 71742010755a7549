//! Symmetric losses of pairs: the batch of the rows, and that of the first columns.

use ndarray::{ArrayD, Axis, Dimension, Ix2, s};

use super::{Batch, Element, Targets};
use crate::error::{Error, Result};
use crate::loss::Spec;

/// The similarities along the rows and, of as many columns as rows, down them, in f32, which holds them exactly.
pub(crate) struct Halves {
    pub(crate) rows: ArrayD<f32>,
    pub(crate) columns: ArrayD<f32>,
    /// Column i for row i, and row i for column i.
    pub(crate) positives: Vec<i64>,
}

impl Halves {
    /// Takes a batch apart.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for scores of other than two dimensions or with more rows than columns, for positives off the
    /// diagonal, and for what belongs to rows alone.
    pub(crate) fn of<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Result<Self> {
        let refuse = |got: String, expected| Err(Error::Unsupported { loss: spec.kind.name(), got, expected });
        let Ok(scores) = batch.scores.view().into_dimensionality::<Ix2>() else {
            return refuse(format!("symmetric scores {:?}", batch.scores.shape()), "scores [N, M] with N at most M");
        };
        let (rows, columns) = scores.dim();
        if rows > columns {
            return refuse(format!("symmetric scores [{rows}, {columns}]"), "scores [N, M] with N at most M");
        }
        let positives: Vec<i64> = (0..rows as i64).collect();
        match &batch.targets {
            Targets::Classes(labels) if labels.iter().eq(positives.iter().copied()) => {}
            _ => return refuse("symmetric with other positives".to_owned(), "class i for row i"),
        }
        if spec.ignore_index.is_some() || batch.upstream.is_some() {
            return refuse("symmetric with ignore_index or upstream".to_owned(), "them for rows alone");
        }
        let exact = scores.mapv(|score| score.to_f64() as f32);
        let columns = exact.slice(s![.., ..rows]).reversed_axes().to_owned().into_dyn();
        Ok(Halves { rows: exact.into_dyn(), columns, positives })
    }

    /// Half of a gradient along the rows and half of one down the columns, added.
    pub(crate) fn joined<E: Copy + 'static>(
        mut rows: ArrayD<E>,
        columns: &ArrayD<E>,
        half: impl Fn(E, E) -> E,
        alone: impl Fn(E) -> E,
    ) -> ArrayD<E> {
        let count = columns.shape().first().copied().unwrap_or_default();
        for (column, mut lane) in rows.axis_iter_mut(Axis(1)).enumerate() {
            if column < count {
                ndarray::Zip::from(&mut lane)
                    .and(&columns.index_axis(Axis(0), column))
                    .for_each(|a, b| *a = half(*a, *b));
            } else {
                lane.mapv_inplace(&alone);
            }
        }
        rows
    }
}
