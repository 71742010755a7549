//! What is refused about a host batch before any work: shapes, forms, values. Labels' range is found by the scan.

use ndarray::Dimension;

use crate::batch::{Batch, Element, MISSING_LABEL, Outputs, Shape, TargetForm, Targets};
use crate::error::{Error, Result};
use crate::loss::{OptionName, Reduction, Spec};

/// Checks a batch against a loss and returns the scores' shape.
pub(crate) fn check<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Result<Shape> {
    let shape = check_shapes(spec, batch)?;
    check_values(spec, batch)?;
    Ok(shape)
}

/// Checks all that can be told without a look at any array's values; returns the scores' shape.
pub(crate) fn check_shapes<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Result<Shape> {
    let dims = batch.scores.shape();
    let shape = Shape::of(dims).filter(|s| s.classes > 0).ok_or_else(|| Error::NoClasses { got: dims.to_vec() })?;
    spec.check(shape.classes)?;
    suits(spec, batch.targets.form(), batch.element_weights.is_some(), batch.outputs)?;
    suits_entropy(spec, batch.targets.form(), batch.outputs, batch.entropy_upstream.is_some())?;
    if (batch.upstream.is_some() || batch.entropy_upstream.is_some()) && spec.reduction != Reduction::None {
        let got = "upstream with a reduction".to_owned();
        return Err(Error::Unsupported {
            loss: spec.kind.name(),
            got,
            expected: "upstream with the reduction None only",
        });
    }
    let row_dims = row_dims(dims);
    match &batch.targets {
        Targets::Classes(labels) => same_shape("targets", labels.shape(), &row_dims)?,
        Targets::Lists { offsets, indices } => {
            same_shape("target_offsets", offsets.shape(), &[shape.rows().saturating_add(1)])?;
            same_shape("target_indices", indices.shape(), &[indices.len()])?;
        }
        Targets::MultiHot(marks) => same_shape("targets", marks.shape(), dims)?,
        Targets::Probabilities(p) => same_shape("targets", p.shape(), dims)?,
        Targets::Logits(teacher) => same_shape("teacher", teacher.shape(), dims)?,
    }
    if let Some(weights) = &batch.element_weights {
        same_shape("element_weights", weights.shape(), dims)?;
    }
    if let Some(upstream) = &batch.entropy_upstream {
        same_shape("entropy_upstream", upstream.shape(), &row_dims)?;
    }
    if let Some(upstream) = &batch.upstream {
        same_shape("upstream", upstream.shape(), if spec.kind.per_row() { &row_dims } else { dims })?;
    }
    Ok(shape)
}

/// Checks the values of a batch whose shapes are right.
pub(crate) fn check_values<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Result<()> {
    let dims = batch.scores.shape();
    targets(spec, &batch.targets, dims)?;
    if let Some(weights) = &batch.element_weights {
        let allowed = |v: f32| v.is_finite() && v >= 0.0;
        let values = weights.iter().copied();
        all_values("element_weights", values, dims, allowed, "a finite number of at least 0")?;
    }
    if spec.kind.takes_probabilities() {
        let outside = |v: f64| !(0.0..=1.0).contains(&v);
        if let Some((at, value)) = batch.scores.iter().enumerate().find(|(_, v)| outside(v.to_f64())) {
            let (at, got) = (unravel(at, dims), value.to_f64());
            return Err(Error::Value { what: "probabilities", at, got, expected: "a number in [0, 1]" });
        }
    }
    Ok(())
}

/// `[N, C, d…]` without the classes.
pub(crate) fn row_dims(dims: &[usize]) -> Vec<usize> {
    dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, len)| *len).collect()
}

/// Whether the loss takes what a batch brings, and gives what it asks for.
pub(crate) fn suits(spec: &Spec, form: TargetForm, element_weights: bool, outputs: Outputs) -> Result<()> {
    let unsupported =
        |got: &str, expected| Err(Error::Unsupported { loss: spec.kind.name(), got: got.to_owned(), expected });
    if !spec.kind.targets().contains(&form) {
        return unsupported(&format!("{} as targets", form.name()), spec.kind.targets_in_words());
    }
    if spec.ignore_index.is_some() && form != TargetForm::Classes {
        return unsupported(&format!("ignore_index with {} as targets", form.name()), "ignore_index with classes only");
    }
    if element_weights && spec.kind.per_row() {
        return unsupported("element_weights", "class_weights; element_weights belong to sigmoid losses and bce");
    }
    if outputs.lse && !spec.kind.is_softmax() {
        return unsupported("a request for lse", "it from softmax losses only");
    }
    if outputs.correct && form == TargetForm::Logits {
        return unsupported("a request for correct rows", "it with labels: a teacher's scores have no true class");
    }
    if (outputs.argmax || outputs.correct) && !spec.kind.per_row() {
        return unsupported("a request for argmax or correct rows", "them from losses of rows only");
    }
    suits_more(spec, form, outputs)
}

/// Whether something may arrive at the entropies of a loss, and whether correct rows are told beside them.
pub(crate) fn suits_entropy(spec: &Spec, form: TargetForm, outputs: Outputs, entropy_upstream: bool) -> Result<()> {
    let loss = spec.kind.name();
    if entropy_upstream && !spec.kind.options().contains(&OptionName::EntropyCoefficient) {
        let got = "an upstream gradient of entropies".to_owned();
        return Err(Error::Unsupported { loss, got, expected: "it with softmax_ce only" });
    }
    let entropy = outputs.entropy || spec.entropy_coefficient != 0.0 || entropy_upstream;
    if entropy && outputs.correct && form.is_dense() {
        return Err(Error::Unsupported {
            loss,
            got: format!("correct rows of {} beside entropies", form.name()),
            expected: "one of the two: where several teams share a row, its statistics have room for one; argmax tells the \
                       other",
        });
    }
    Ok(())
}

/// What margins, log-probabilities, ranks, entropies and the gradient of the class bias go with.
fn suits_more(spec: &Spec, form: TargetForm, outputs: Outputs) -> Result<()> {
    let unsupported =
        |got: &str, expected| Err(Error::Unsupported { loss: spec.kind.name(), got: got.to_owned(), expected });
    if spec.has_margin() && form != TargetForm::Classes {
        return unsupported(&format!("a margin with {} as targets", form.name()), "margins with classes only");
    }
    if (outputs.log_prob || outputs.rank) && !(spec.kind.is_softmax() && form == TargetForm::Classes) {
        return unsupported(
            &format!("a request for log_prob or rank with {} as targets", form.name()),
            "them from softmax losses on classes only",
        );
    }
    if outputs.entropy && (!spec.kind.is_softmax() || form == TargetForm::Logits) {
        return unsupported("a request for entropy", "it from softmax losses with labels or probabilities only");
    }
    if outputs.grad_class_bias && spec.class_bias.is_none() {
        return unsupported("a request for grad_class_bias", "it from a loss that has a class_bias");
    }
    Ok(())
}

fn targets(spec: &Spec, targets: &Targets<'_>, dims: &[usize]) -> Result<()> {
    match targets {
        // A teacher's scores are a network's, as the others are: a row of NaN is told by its loss.
        Targets::Classes(_) | Targets::Logits(_) => Ok(()),
        Targets::Lists { offsets, indices } => {
            let offsets: Vec<i64> = offsets.iter().collect();
            let indices: Vec<i64> = indices.iter().collect();
            lists(&offsets, &indices, dims.get(1).copied().unwrap_or_default() as i64)
        }
        Targets::MultiHot(marks) => {
            let per_row = spec.kind.per_row();
            let wrong = |mark: u8| mark > 1 && (per_row || mark != MISSING_LABEL);
            let expected = if per_row { "0 or 1" } else { "0, 1, or 255 where a label is not known" };
            match marks.iter().enumerate().find(|(_, mark)| wrong(*mark)) {
                None => Ok(()),
                Some((at, mark)) => {
                    Err(Error::Value { what: "targets", got: mark.into(), at: unravel(at, dims), expected })
                }
            }
        }
        Targets::Probabilities(p) => {
            if spec.kind.per_row() {
                return all_values("targets", p.iter(), dims, f32::is_finite, "a finite number");
            }
            all_values("targets", p.iter(), dims, |v| (0.0..=1.0).contains(&v), "a number in [0, 1]")
        }
    }
}

/// The first row whose list is wrong, and how many are.
fn lists(offsets: &[i64], indices: &[i64], classes: i64) -> Result<()> {
    let pairs = || offsets.iter().zip(offsets.iter().skip(1));
    let mut problems = pairs()
        .enumerate()
        .filter_map(|(row, (begin, end))| Some((row as u64, list_problem(row, *begin, *end, indices, classes)?)));
    if let Some((row, problem)) = problems.next() {
        return Err(Error::ClassList { row, problem, count: (problems.count() as u64).saturating_add(1) });
    }
    let last = offsets.last().copied().unwrap_or_default();
    if last != indices.len() as i64 {
        let problem = format!("the last offset is {last}, expected {} as there are indices", indices.len());
        return Err(Error::ClassList { row: pairs().count().saturating_sub(1) as u64, problem, count: 1 });
    }
    Ok(())
}

/// What is wrong with a row's list, if anything is.
fn list_problem(row: usize, begin: i64, end: i64, indices: &[i64], classes: i64) -> Option<String> {
    if row == 0 && begin != 0 {
        return Some(format!("the first offset is {begin}, expected 0"));
    }
    if begin < 0 || begin > end {
        return Some(format!("its offsets go from {begin} to {end}"));
    }
    let Some(list) = indices.get(begin as usize..end as usize) else {
        return Some(format!("its offsets go to {end}, past the {} indices", indices.len()));
    };
    if let Some(class) = list.iter().find(|c| !(0..classes).contains(*c)) {
        return Some(format!("class {class} is outside 0..{classes}"));
    }
    let (before, class) = list.iter().zip(list.iter().skip(1)).find(|(before, class)| before >= class)?;
    Some(format!("class {class} follows class {before}, expected strictly increasing classes"))
}

fn same_shape(what: &'static str, got: &[usize], expected: &[usize]) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Shape { what, got: got.to_vec(), expected: expected.to_vec() })
}

fn all_values(
    what: &'static str,
    values: impl Iterator<Item = f32>,
    dims: &[usize],
    allowed: impl Fn(f32) -> bool,
    expected: &'static str,
) -> Result<()> {
    let mut values = values.enumerate();
    match values.find(|(_, v)| !allowed(*v)) {
        None => Ok(()),
        Some((at, value)) => Err(Error::Value { what, at: unravel(at, dims), got: f64::from(value), expected }),
    }
}

/// The index in an array of this shape of its element number `at`.
fn unravel(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, len) in index.iter_mut().zip(shape).rev() {
        *slot = at.checked_rem(*len).unwrap_or_default();
        at = at.checked_div(*len).unwrap_or_default();
    }
    index
}
