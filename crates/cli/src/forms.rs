//! The form of the targets, which follows from their type and shape.

use gpu_loss::batch::{TargetForm, bf16, f16};
use gpu_loss::loss::Kind;
use ndarray::{ArrayD, IxDyn};

use crate::broadcast::with_classes;
use crate::convert;
use crate::input::{Tensor, Type};

/// The targets, by form.
pub(crate) enum TargetData {
    Classes(ArrayD<i64>),
    Lists { offsets: ArrayD<i64>, indices: ArrayD<i64> },
    MultiHot(ArrayD<u8>),
    Probabilities(ArrayD<f32>),
    Logits(ArrayD<f32>),
    LogitsF16(ArrayD<f16>),
    LogitsBf16(ArrayD<bf16>),
}

impl TargetData {
    pub(crate) fn form(&self) -> TargetForm {
        match self {
            TargetData::Classes(_) => TargetForm::Classes,
            TargetData::Lists { .. } => TargetForm::Lists,
            TargetData::MultiHot(_) => TargetForm::MultiHot,
            TargetData::Probabilities(_) => TargetForm::Probabilities,
            TargetData::Logits(_) | TargetData::LogitsF16(_) | TargetData::LogitsBf16(_) => TargetForm::Logits,
        }
    }
}

/// The scores' shape as it was given, and with two axes or more, as the library has it.
pub(crate) struct Axes {
    pub(crate) given: Vec<usize>,
    pub(crate) full: Vec<usize>,
}

impl Axes {
    /// One dimension is a row of classes for losses of rows, and one score a row for the others.
    pub(crate) fn new(given: &[usize], kind: Kind) -> Option<Self> {
        let full = match given {
            [] => return None,
            [n] if kind.per_row() => vec![1, *n],
            [n] => vec![*n, 1],
            _ => given.to_vec(),
        };
        Some(Axes { given: given.to_vec(), full })
    }

    /// The shape of what belongs to rows, as it is given and written.
    pub(crate) fn rows_given(&self) -> Vec<usize> {
        self.given
            .iter()
            .enumerate()
            .filter(|(axis, _)| *axis != usize::from(self.given.len() > 1))
            .map(|(_, n)| *n)
            .collect()
    }

    /// As [`rows_given`](Self::rows_given), as the library has it.
    pub(crate) fn rows(&self) -> Vec<usize> {
        self.full.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, n)| *n).collect()
    }

    fn classes(&self) -> usize {
        self.full.get(1).copied().unwrap_or_default()
    }

    fn is_flat(&self) -> bool {
        self.given.len() == 1
    }
}

/// Reads a teacher's scores, of the scores' shape and any type.
pub(crate) fn teacher_of(tensor: &Tensor, axes: &Axes, notes: &mut Vec<String>) -> Result<TargetData, String> {
    if tensor.shape != axes.given {
        return Err(format!(
            "'teacher' is {} {:?}, expected floats {:?}, the shape of 'logits'",
            tensor.ty.name(),
            tensor.shape,
            axes.given
        ));
    }
    let full = &axes.full;
    Ok(match tensor.ty {
        Type::F16 => TargetData::LogitsF16(shaped(convert::array(tensor, f16::from_le_bytes)?, full)?),
        Type::Bf16 => TargetData::LogitsBf16(shaped(convert::array(tensor, bf16::from_le_bytes)?, full)?),
        Type::F32 | Type::F64 => TargetData::Logits(shaped(convert::floats("teacher", tensor, notes)?, full)?),
        _ => return Err(format!("'teacher' is {}, expected f32, f16, bf16 or f64", tensor.ty.name())),
    })
}

/// What targets may be by their shape.
struct Fit {
    /// Labels, one a row.
    per_row: bool,
    /// Labels, with an axis of one class left in.
    one_class: bool,
    /// One target an element.
    dense: bool,
}

impl Fit {
    fn of(tensor: &Tensor, axes: &Axes, kind: Kind) -> Self {
        let (held, rows) = (&tensor.shape, axes.rows());
        let integer = convert::is_integer(&tensor.ty);
        // Scores of one dimension are binary for losses of elements: their targets are never classes.
        let binary = axes.is_flat() && !kind.per_row();
        let per_row = !binary && (*held == rows || (axes.is_flat() && held.is_empty()));
        // An axis of one class may be left out, and of one row as well.
        let one_class = !binary && *held == with_classes(&rows, 1);
        let dense = *held == axes.full
            || (axes.is_flat() && *held == axes.given && !(per_row && integer))
            || (axes.classes() == 1 && *held == rows && !integer);
        Fit { per_row, one_class, dense }
    }
}

/// Reads the targets, and notes what was not said outright.
pub(crate) fn targets_of(
    tensor: &Tensor,
    axes: &Axes,
    kind: Kind,
    notes: &mut Vec<String>,
) -> Result<TargetData, String> {
    let fit = Fit::of(tensor, axes, kind);
    if fit.dense && matches!(tensor.ty, Type::U8 | Type::Bool) {
        read_as(&tensor.shape, axes, notes);
        return Ok(TargetData::MultiHot(shaped(convert::array(tensor, |[byte]| byte)?, &axes.full)?));
    }
    if fit.dense && convert::is_float(&tensor.ty) {
        read_as(&tensor.shape, axes, notes);
        return Ok(TargetData::Probabilities(shaped(convert::floats("targets", tensor, notes)?, &axes.full)?));
    }
    if convert::is_integer(&tensor.ty) && (fit.per_row || fit.dense || fit.one_class) {
        let values = convert::integers("targets", tensor)?;
        return match fit.per_row {
            true => labels_of(values, tensor, axes, kind, notes),
            false => labels_or_multi_hot(values, tensor, axes, &fit, notes),
        };
    }
    Err(unfit(tensor, axes))
}

fn labels_of(
    values: ArrayD<i64>,
    tensor: &Tensor,
    axes: &Axes,
    kind: Kind,
    notes: &mut Vec<String>,
) -> Result<TargetData, String> {
    let scores = &axes.full;
    if scores.len() > 2 && scores.split_last().is_some_and(|(_, most)| tensor.shape == most) {
        notes.push(format!("classes are read from axis 1 of {scores:?}, though the last is as long"));
    }
    if axes.classes() == 1 && !kind.per_row() {
        notes.push("there is one class, and each label is it: targets of 0 and 1 have the scores' shape".into());
    }
    Ok(TargetData::Classes(shaped(values, &axes.rows())?))
}

/// Integers with an axis of classes: labels where it is one class that was left in, else multi-hot.
fn labels_or_multi_hot(
    values: ArrayD<i64>,
    tensor: &Tensor,
    axes: &Axes,
    fit: &Fit,
    notes: &mut Vec<String>,
) -> Result<TargetData, String> {
    let (held, rows) = (&tensor.shape, axes.rows());
    let other = values.indexed_iter().find(|(_, value)| !matches!(value, 0 | 1));
    let labels = fit.one_class && values.iter().all(|value| *value == 0 || axes.classes() > 1);
    match other {
        _ if labels && !fit.dense => {
            notes.push(format!("'targets' {held:?} is read as labels {rows:?}"));
            Ok(TargetData::Classes(shaped(values, &rows)?))
        }
        None if labels => Err(format!(
            "{}, which may be classes (save it as {rows:?}) or multi-hot (save it as u8 or bool): say which",
            described(tensor)
        )),
        None => {
            notes.push(format!("'targets' {} {held:?} is read as multi-hot", tensor.ty.name()));
            Ok(TargetData::MultiHot(shaped(values.mapv(|value| u8::from(value == 1)), &axes.full)?))
        }
        Some((at, value)) => Err(format!(
            "{}, of the scores' shape and so multi-hot, but at {:?} it is {value}, expected 0 or 1; classes would be \
             {rows:?}",
            described(tensor),
            ndarray::Dimension::slice(&at)
        )),
    }
}

/// What is wrong with targets of such a type and shape, and what would do.
fn unfit(tensor: &Tensor, axes: &Axes) -> String {
    let (scores, held) = (&axes.full, &tensor.shape);
    let described = described(tensor);
    let integer = convert::is_integer(&tensor.ty);
    let expected = format!(
        "{described}, expected integers {:?} (classes), or u8 or bool {:?} (multi-hot), or floats {:?} (probabilities)",
        axes.rows_given(),
        axes.given,
        axes.given
    );
    match scores.as_slice() {
        [first, most @ .., last] if !most.is_empty() && *held == scores[..scores.len() - 1] && integer => {
            let order: Vec<usize> = [0, scores.len() - 1].into_iter().chain(1..scores.len() - 1).collect();
            format!(
                "{described} for scores {scores:?}: classes are read from axis 1, not from the last; move them there, in NumPy \
                 logits.transpose{order:?} (in PyTorch permute), or make it [{}, {last}] with labels [{}]",
                first * most.iter().product::<usize>(),
                first * most.iter().product::<usize>()
            )
            .replace("transpose[", "transpose(")
            .replace("] (in PyTorch", ") (in PyTorch")
        }
        _ if *held == axes.rows() && convert::is_float(&tensor.ty) => {
            format!("{expected}; labels in floats are to be saved as i64")
        }
        _ => expected,
    }
}

fn described(tensor: &Tensor) -> String {
    format!("'targets' is {} {:?}", tensor.ty.name(), tensor.shape)
}

pub(crate) fn shaped<T>(array: ArrayD<T>, shape: &[usize]) -> Result<ArrayD<T>, String> {
    array.into_shape_with_order(IxDyn(shape)).map_err(|e| e.to_string())
}

/// Notes that an axis was left out.
fn read_as(held: &[usize], axes: &Axes, notes: &mut Vec<String>) {
    if held != axes.full && !axes.is_flat() {
        notes.push(format!("'targets' {held:?} is read as {:?}", axes.full));
    }
}
