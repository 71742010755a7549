//! A file's tensors and the options, as the library takes them.

use gpu_loss::{Batch, Dtype, Element, Kind, Reduction, Spec, TargetForm, Targets, bf16, f16};
use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::args::loss_name;
use crate::convert;
use crate::input::{Tensor, Tensors, Type};
use crate::names::near_miss;
use crate::options::{listing, takers};

/// Every tensor that means something.
pub(crate) const KNOWN: [&str; 9] = [
    "logits",
    "probabilities",
    "targets",
    "target_offsets",
    "target_indices",
    "class_weights",
    "pos_weight",
    "element_weights",
    "upstream",
];

/// The scores, by type.
pub(crate) enum Scores {
    F32(ArrayD<f32>),
    F16(ArrayD<f16>),
    Bf16(ArrayD<bf16>),
}

impl Scores {
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Scores::F32(a) => a.shape(),
            Scores::F16(a) => a.shape(),
            Scores::Bf16(a) => a.shape(),
        }
    }

    pub(crate) fn dtype(&self) -> Dtype {
        match self {
            Scores::F32(_) => Dtype::F32,
            Scores::F16(_) => Dtype::F16,
            Scores::Bf16(_) => Dtype::Bf16,
        }
    }
}

/// The targets, by form.
enum TargetData {
    Classes(ArrayD<i64>),
    Lists { offsets: ArrayD<i64>, indices: ArrayD<i64> },
    MultiHot(ArrayD<u8>),
    Probabilities(ArrayD<f32>),
}

/// All that a loss needs besides the scores.
pub(crate) struct Problem {
    pub(crate) spec: Spec,
    targets: TargetData,
    element_weights: Option<ArrayD<f32>>,
    upstream: Option<ArrayD<f32>>,
}

impl Problem {
    /// The form of the targets.
    pub(crate) fn form(&self) -> TargetForm {
        match self.targets {
            TargetData::Classes(_) => TargetForm::Classes,
            TargetData::Lists { .. } => TargetForm::Lists,
            TargetData::MultiHot(_) => TargetForm::MultiHot,
            TargetData::Probabilities(_) => TargetForm::Probabilities,
        }
    }

    /// The library's view of it, with these scores.
    pub(crate) fn batch<'a, T: Element>(&'a self, scores: ArrayViewD<'a, T>) -> Batch<'a, T, IxDyn> {
        let targets = match &self.targets {
            TargetData::Classes(labels) => Targets::Classes(labels),
            TargetData::Lists { offsets, indices } => Targets::Lists { offsets, indices },
            TargetData::MultiHot(bytes) => Targets::MultiHot(bytes.view()),
            TargetData::Probabilities(values) => Targets::Probabilities(values.view()),
        };
        let mut batch = Batch::new(scores, targets);
        batch.element_weights = self.element_weights.as_ref().map(|array| array.view());
        batch.upstream = self.upstream.as_ref().map(|array| array.view());
        batch
    }
}

/// Makes the scores and the problem of a file's tensors.
pub(crate) fn build(mut tensors: Tensors, mut spec: Spec) -> Result<(Scores, Problem), String> {
    let kind = spec.kind;
    let listed = tensors.listing();
    let scores_name = if kind.takes_probabilities() { "probabilities" } else { "logits" };
    check_names(&tensors, &spec, scores_name)?;
    let lists = ["target_offsets", "target_indices"].map(|name| tensors.found.remove(name));
    let targets = tensors.found.remove("targets");
    let scores = tensors.found.remove(scores_name);

    let scores = scores.ok_or_else(|| {
        let other = if kind.takes_probabilities() { "logits" } else { "probabilities" };
        if tensors.found.contains_key(other) {
            let others: Vec<Kind> =
                Kind::ALL.into_iter().filter(|k| k.takes_probabilities() != kind.takes_probabilities()).collect();
            format!("no tensor '{scores_name}', which {} takes; '{other}' is for {}", loss_name(kind), listing(&others))
        } else {
            missing(scores_name, &listed)
        }
    })?;
    let scores = scores_of(scores_name, scores)?;
    let shape = scores.shape().to_vec();
    let [_, classes, ..] = shape[..] else {
        return Err(format!("'{scores_name}' has shape {shape:?}, expected [N, C] or [N, C, d1, …]"));
    };

    let targets = match (targets, lists) {
        (Some(_), [Some(_), _] | [_, Some(_)]) => {
            return Err("has both 'targets' and 'target_offsets' or 'target_indices': one form is expected".into());
        }
        (Some(tensor), [None, None]) => targets_of(tensor, &shape)?,
        (None, [None, None]) => return Err(missing("targets", &listed)),
        (None, [offsets, indices]) => TargetData::Lists {
            offsets: list_of("target_offsets", offsets, &listed)?,
            indices: list_of("target_indices", indices, &listed)?,
        },
    };
    let mut floats = |name: &str| tensors.found.remove(name).map(|tensor| convert::floats(name, &tensor)).transpose();
    let per_class = |name: &str, weights: Option<ArrayD<f32>>| match weights {
        Some(w) if w.shape() != [classes] => {
            Err(format!("'{name}' has shape {:?}, expected {:?}: one a class", w.shape(), [classes]))
        }
        weights => Ok(weights.map(|w| w.into_iter().collect::<Vec<f32>>())),
    };
    spec.class_weights = per_class("class_weights", floats("class_weights")?)?;
    spec.pos_weight = per_class("pos_weight", floats("pos_weight")?)?;
    let problem = Problem { targets, element_weights: floats("element_weights")?, upstream: floats("upstream")?, spec };
    Ok((scores, problem))
}

fn missing(name: &str, listed: &str) -> String {
    format!("no tensor '{name}': the file has {listed}")
}

/// Refuses tensors that mean something elsewhere, and names that look like a slip.
fn check_names(tensors: &Tensors, spec: &Spec, scores_name: &str) -> Result<(), String> {
    let has = |name: &str| tensors.found.contains_key(name);
    let unreduced = spec.reduction == Reduction::None;
    for name in ["class_weights", "pos_weight", "element_weights"] {
        if has(name) && !takers(name).contains(&spec.kind) {
            let takers = listing(takers(name));
            return Err(format!("'{name}' does not apply to {}: it is for {takers}", loss_name(spec.kind)));
        }
    }
    if has("upstream") && !unreduced {
        return Err("'upstream' applies to --reduction none only".into());
    }
    let absent = KNOWN.into_iter().filter(|known| !has(known)).filter(|known| match *known {
        "logits" | "probabilities" => *known == scores_name,
        "targets" => !has("target_offsets") && !has("target_indices"),
        "target_offsets" | "target_indices" => !has("targets"),
        "upstream" => unreduced,
        weights => takers(weights).contains(&spec.kind),
    });
    match near_miss(absent, tensors.names.iter().map(String::as_str).filter(|name| !KNOWN.contains(name))) {
        Some((known, name)) => Err(format!("unknown tensor '{name}': did you mean '{known}'?")),
        None => Ok(()),
    }
}

fn scores_of(name: &str, tensor: Tensor) -> Result<Scores, String> {
    match tensor.ty {
        Type::F32 => Ok(Scores::F32(convert::array(&tensor, f32::from_le_bytes)?)),
        Type::F16 => Ok(Scores::F16(convert::array(&tensor, f16::from_le_bytes)?)),
        Type::Bf16 => Ok(Scores::Bf16(convert::array(&tensor, bf16::from_le_bytes)?)),
        Type::F64 => Err(format!("'{name}' is f64: convert it to f32, f16 or bf16")),
        _ => Err(format!("'{name}' is {}, expected f32, f16 or bf16", tensor.ty.name())),
    }
}

/// The form of the targets follows from their type and shape.
fn targets_of(tensor: Tensor, scores: &[usize]) -> Result<TargetData, String> {
    let rows: Vec<usize> = scores.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, n)| *n).collect();
    let per_row = tensor.shape == rows;
    let per_element = tensor.shape == scores;
    match &tensor.ty {
        Type::U8 | Type::Bool if per_element => Ok(TargetData::MultiHot(convert::array(&tensor, |[byte]| byte)?)),
        ty if convert::is_integer(ty) && per_row => Ok(TargetData::Classes(convert::integers("targets", &tensor)?)),
        ty if convert::is_float(ty) && per_element => {
            Ok(TargetData::Probabilities(convert::floats("targets", &tensor)?))
        }
        ty => Err(format!(
            "'targets' is {} {:?}, expected integers {rows:?} (classes), or u8 or bool {scores:?} (multi-hot), or \
             floats {scores:?} (probabilities)",
            ty.name(),
            tensor.shape
        )),
    }
}

fn list_of(name: &str, tensor: Option<Tensor>, listed: &str) -> Result<ArrayD<i64>, String> {
    let tensor = tensor.ok_or_else(|| missing(name, listed))?;
    if !convert::is_integer(&tensor.ty) || tensor.shape.len() != 1 {
        return Err(format!("'{name}' is {} {:?}, expected integers of one dimension", tensor.ty.name(), tensor.shape));
    }
    convert::integers(name, &tensor)
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
