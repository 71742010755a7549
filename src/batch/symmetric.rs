//! Losses of pairs: the two batches of the symmetric one, and the temperature's gradient.

use ndarray::{ArrayD, ArrayView, Axis, Dimension, Ix2, Zip, s};

use super::{Batch, Element, Targets};
use crate::error::{Error, Result};
use crate::loss::{InfoNce, Spec};

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
                Zip::from(&mut lane).and(&columns.index_axis(Axis(0), column)).for_each(|a, b| *a = half(*a, *b));
            } else {
                lane.mapv_inplace(&alone);
            }
        }
        rows
    }
}

impl InfoNce {
    /// The gradient by the temperature, `−Σ_ij x_ij·∂loss/∂x_ij / τ`, from the similarities and their gradient.
    ///
    /// ```
    /// use gpu_loss::loss::InfoNce;
    /// let (x, grad) = (ndarray::array![[2.0_f32, 1.0]], ndarray::array![[-0.5_f32, 0.5]]);
    /// assert_eq!(InfoNce::default().temperature(0.5).temperature_gradient(&x.view(), &grad.view()), 1.0);
    /// ```
    #[must_use]
    pub fn temperature_gradient<T: Element, D: Dimension>(
        &self,
        scores: &ArrayView<'_, T, D>,
        grad: &ArrayView<'_, T, D>,
    ) -> f64 {
        // A mask has no gradient, and does not depend on the temperature.
        let term = |x: f64, g: f64| if g == 0.0 { 0.0 } else { x * g };
        let sum = Zip::from(scores).and(grad).fold(0.0, |sum, x, g| sum + term(x.to_f64(), g.to_f64()));
        -sum / f64::from(self.temperature)
    }
}
