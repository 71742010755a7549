//! A file's tensors and the options, as the library takes them.

use gpu_loss::batch::{Element, TargetForm, bf16, f16};
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, Dtype, Error, Targets};
use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::forms::{Axes, TargetData, shaped, targets_of, teacher_of};
use crate::input::{Tensor, Tensors, Type};
use crate::takers::listing;
use crate::unread::{self, missing};
use crate::{broadcast, convert};

/// The scores, by type.
pub(crate) enum Scores {
    F32(ArrayD<f32>),
    F16(ArrayD<f16>),
    Bf16(ArrayD<bf16>),
}

impl Scores {
    pub(crate) fn dtype(&self) -> Dtype {
        match self {
            Scores::F32(_) => Dtype::F32,
            Scores::F16(_) => Dtype::F16,
            Scores::Bf16(_) => Dtype::Bf16,
        }
    }
}

/// All that a loss needs besides the scores.
pub(crate) struct Problem {
    pub(crate) spec: Spec,
    pub(crate) axes: Axes,
    /// What the file's tensors were taken for.
    pub(crate) account: Account,
    targets: TargetData,
    element_weights: Option<ArrayD<f32>>,
    upstream: Option<ArrayD<f32>>,
    entropy_upstream: Option<ArrayD<f32>>,
}

/// Which tensors of a file count, and how they were understood.
#[derive(Debug, Default, Clone)]
pub(crate) struct Account {
    /// Those that were used: name, type and shape.
    pub(crate) used: Vec<(String, String)>,
    /// The names of the others.
    pub(crate) ignored: Vec<String>,
    /// What was understood without being said.
    pub(crate) notes: Vec<String>,
}

impl Problem {
    /// The form of the targets.
    pub(crate) fn form(&self) -> TargetForm {
        self.targets.form()
    }

    /// The library's view of it, with these scores.
    pub(crate) fn batch<'a, T: Element>(&'a self, scores: ArrayViewD<'a, T>) -> Batch<'a, T, IxDyn> {
        let targets = match &self.targets {
            TargetData::Classes(labels) => Targets::from(labels),
            TargetData::Lists { offsets, indices } => Targets::lists(offsets, indices),
            TargetData::MultiHot(bytes) => Targets::from(bytes),
            TargetData::Probabilities(values) => Targets::from(values),
            TargetData::Logits(values) => Targets::logits(values),
            TargetData::LogitsF16(values) => Targets::logits(values),
            TargetData::LogitsBf16(values) => Targets::logits(values),
        };
        let mut batch = Batch::new(scores, targets);
        batch.element_weights = self.element_weights.as_ref().map(|array| array.view());
        batch.upstream = self.upstream.as_ref().map(|array| array.view());
        batch.entropy_upstream = self.entropy_upstream.as_ref().map(|array| array.view());
        batch
    }

    /// What to do about an error of the library.
    pub(crate) fn tip(&self, error: &Error) -> Option<String> {
        match &self.targets {
            TargetData::Classes(labels) => label_tip(error, labels.iter().copied(), &self.spec),
            _ => None,
        }
    }
}

/// What to do about a label that is out of range.
pub(crate) fn label_tip(error: &Error, labels: impl Iterator<Item = i64> + Clone, spec: &Spec) -> Option<String> {
    let Error::ClassOutOfRange { class, classes, .. } = error else { return None };
    let is_outside = |label: i64| !(0..*classes as i64).contains(&label);
    let usual = [-100, -1, 255].into_iter().find(|usual| is_outside(*usual) && labels.clone().any(|l| l == *usual));
    let ignored = usual.or(Some(*class).filter(|class| *class < 0)).filter(|label| spec.ignore_index != Some(*label));
    if let Some(label) = ignored {
        return Some(format!("if rows with {label} are to count for nothing, say --ignore-index {label}"));
    }
    if *classes == 1 && !spec.kind.per_row() {
        return Some("targets of 0 and 1 have the scores' shape".into());
    }
    let counted_from_1 = class == &(*classes as i64) && labels.clone().all(|label| (1..=*class).contains(&label));
    counted_from_1.then(|| "classes are counted from 0".into())
}

/// Makes the scores and the problem of a file's tensors.
pub(crate) fn build(mut tensors: Tensors, mut spec: Spec) -> Result<(Scores, Problem), String> {
    let kind = spec.kind;
    let listed = tensors.listing();
    let scores_name = if kind.takes_probabilities() { "probabilities" } else { "logits" };
    unread::check(&tensors, &spec, scores_name)?;
    let mut account = Account::default();
    let mut take = |name: &str| {
        let tensor = tensors.found.remove(name)?;
        account.used.push((name.to_owned(), format!("{} {:?}", tensor.ty.name(), tensor.shape)));
        Some(tensor)
    };
    let scores = take(scores_name);
    let from_teacher = kind.targets() == [TargetForm::Logits];
    let targets = take(if from_teacher { "teacher" } else { "targets" });
    let lists = ["target_offsets", "target_indices"].map(&mut take);
    let [class_weights, pos_weight, class_bias] = ["class_weights", "pos_weight", "class_bias"].map(&mut take);
    let [element_weights, upstream, entropy_upstream] = ["element_weights", "upstream", "entropy_upstream"].map(take);
    account.ignored = tensors.others(|name| account.used.iter().any(|(used, _)| used == name));
    let notes = &mut account.notes;

    let absent = |name: &str| missing(name, &tensors, &listed);
    let scores = scores.ok_or_else(|| {
        let other = if kind.takes_probabilities() { "logits" } else { "probabilities" };
        if tensors.found.contains_key(other) { wrong_scores(scores_name, other, kind) } else { absent(scores_name) }
    })?;
    let (scores, axes) = scores_of(scores_name, scores, kind, notes)?;
    let targets = match (targets, lists) {
        (Some(_), [Some(_), _] | [_, Some(_)]) => {
            return Err("has both 'targets' and 'target_offsets' or 'target_indices': one form is expected".into());
        }
        (Some(tensor), [None, None]) if from_teacher => teacher_of(&tensor, &axes, notes)?,
        (Some(tensor), [None, None]) => targets_of(&tensor, &axes, kind, notes)?,
        (None, _) if from_teacher => return Err(absent("teacher")),
        (None, [None, None]) if kind == Kind::InfoNce => paired(scores_name, &axes, notes)?,
        (None, [None, None]) => return Err(absent("targets")),
        (None, [offsets, indices]) => TargetData::Lists {
            offsets: list_of("target_offsets", &offsets.ok_or_else(|| absent("target_offsets"))?)?,
            indices: list_of("target_indices", &indices.ok_or_else(|| absent("target_indices"))?)?,
        },
    };
    for (name, weights, field) in [
        ("class_weights", class_weights, &mut spec.class_weights),
        ("pos_weight", pos_weight, &mut spec.pos_weight),
        ("class_bias", class_bias, &mut spec.class_bias),
    ] {
        if let Some(tensor) = weights {
            let weights = convert::floats(name, &tensor, notes)?;
            *field = Some(broadcast::per_class(name, &weights, &axes.full, notes)?);
        }
    }
    let element_weights = spread("element_weights", element_weights, &axes, false, notes)?;
    let upstream = spread("upstream", upstream, &axes, kind.per_row(), notes)?;
    let entropy_upstream = spread("entropy_upstream", entropy_upstream, &axes, true, notes)?;
    Ok((scores, Problem { targets, element_weights, upstream, entropy_upstream, spec, axes, account }))
}

/// Numbers for each row or each element, from a tensor that may have fewer.
fn spread(
    name: &str,
    tensor: Option<Tensor>,
    axes: &Axes,
    per_row: bool,
    notes: &mut Vec<String>,
) -> Result<Option<ArrayD<f32>>, String> {
    let Some(tensor) = tensor else { return Ok(None) };
    let weights = convert::floats(name, &tensor, notes)?;
    let (to, full) = if per_row { (axes.rows_given(), axes.rows()) } else { (axes.given.clone(), axes.full.clone()) };
    let rows = (!per_row).then(|| axes.rows_given());
    let weights = broadcast::to_shape(name, weights, &to, rows.as_deref(), notes)?;
    shaped(weights, &full).map(Some)
}

/// What to say where a loss of logits is given probabilities, or the other way round.
fn wrong_scores(name: &str, other: &str, kind: Kind) -> String {
    let others: Vec<Kind> =
        Kind::ALL.iter().copied().filter(|k| k.takes_probabilities() != kind.takes_probabilities()).collect();
    format!("no tensor '{name}', which {} takes; '{other}' is for {}", kind.hyphenated(), listing(&others))
}

/// The targets of pairs: row i belongs to column i.
fn paired(name: &str, axes: &Axes, notes: &mut Vec<String>) -> Result<TargetData, String> {
    let rows = axes.full.first().copied().unwrap_or_default();
    if axes.full.len() != 2 || rows > axes.full.get(1).copied().unwrap_or_default() {
        return Err(format!("'{name}' is {:?}: without 'targets', [N, M] with N at most M", axes.given));
    }
    notes.push("without 'targets', column i is the positive of row i".into());
    Ok(TargetData::Classes(ArrayD::from_shape_fn(IxDyn(&[rows]), |at| at[0] as i64)))
}

fn scores_of(name: &str, tensor: Tensor, kind: Kind, notes: &mut Vec<String>) -> Result<(Scores, Axes), String> {
    let no_rows = || format!("'{name}' has shape [], expected [N, C] or [N, C, d1, …]");
    let axes = Axes::new(&tensor.shape, kind).ok_or_else(no_rows)?;
    if let ([n], [rows, classes]) = (axes.given.as_slice(), axes.full.as_slice()) {
        let what = if kind.per_row() { "one row of classes" } else { "one binary score a row" };
        notes.push(format!("'{name}' [{n}] is read as [{rows}, {classes}]: {what}"));
    }
    let full = &axes.full;
    let scores = match tensor.ty {
        Type::F32 => Scores::F32(shaped(convert::array(&tensor, f32::from_le_bytes)?, full)?),
        Type::F16 => Scores::F16(shaped(convert::array(&tensor, f16::from_le_bytes)?, full)?),
        Type::Bf16 => Scores::Bf16(shaped(convert::array(&tensor, bf16::from_le_bytes)?, full)?),
        Type::F64 => Scores::F32(shaped(convert::floats(name, &tensor, notes)?, full)?),
        _ => return Err(format!("'{name}' is {}, expected f32, f16, bf16 or f64", tensor.ty.name())),
    };
    Ok((scores, axes))
}

fn list_of(name: &str, tensor: &Tensor) -> Result<ArrayD<i64>, String> {
    if !convert::is_integer(&tensor.ty) || tensor.shape.len() != 1 {
        return Err(format!("'{name}' is {} {:?}, expected integers of one dimension", tensor.ty.name(), tensor.shape));
    }
    convert::integers(name, tensor)
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
