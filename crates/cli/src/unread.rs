//! Tensors that a loss does not read: those whose names say that they were meant to count are refused by the right name.

use gpu_loss::Reduction;
use gpu_loss::batch::TargetForm;
use gpu_loss::loss::OptionName;
use gpu_loss::loss::{Kind, Spec};

use crate::input::Tensors;
use crate::loss_name::LINEAR_CE;
use crate::names::{KNOWN, near_miss};
use crate::takers::{listing, takers, takers_of_tensor};

/// Names that people give to scores, probabilities and targets: letters and digits alone.
const SCORES: &[&str] = &[
    "logit",
    "score",
    "scores",
    "output",
    "outputs",
    "pred",
    "preds",
    "prediction",
    "predictions",
    "input",
    "x",
    "ypred",
    "yhat",
];
const PROBABILITIES: &[&str] = &[
    "prob",
    "probs",
    "p",
    "proba",
    "probas",
    "pred",
    "preds",
    "prediction",
    "predictions",
    "output",
    "outputs",
    "ypred",
    "yhat",
    "input",
    "x",
];
const TARGETS: &[&str] = &["label", "labels", "y", "ytrue", "gt", "groundtruth", "class", "classes", "truth"];

const TEACHER: &[&str] = &["teacherlogits", "teacherscores", "teacheroutput", "target", "targets"];

/// Refuses tensors that mean something elsewhere, and names that look like a slip or like a weight.
pub(crate) fn check(tensors: &Tensors, spec: &Spec, scores_name: &str) -> Result<(), String> {
    let has = |name: &str| tensors.found.contains_key(name);
    let unreduced = spec.reduction == Reduction::None;
    for name in ["class_weights", "pos_weight", "element_weights", "class_bias", "entropy_upstream"] {
        let takers = takers_of_tensor(name);
        if has(name) && !takers.contains(&spec.kind) {
            let (loss, takers) = (spec.kind.hyphenated(), listing(&takers));
            return Err(format!("'{name}' does not apply to {loss}: it is for {takers}"));
        }
    }
    let from_teacher = spec.kind.targets() == [TargetForm::Logits];
    for (name, wrong) in [("teacher", !from_teacher), ("targets", from_teacher), ("target_offsets", from_teacher)] {
        if has(name) && wrong {
            let takers = Kind::ALL.iter().copied();
            let takers: Vec<Kind> =
                takers.filter(|kind| (kind.targets() == [TargetForm::Logits]) != from_teacher).collect();
            let (loss, takers) = (spec.kind.hyphenated(), listing(&takers));
            return Err(format!("'{name}' does not apply to {loss}: it is for {takers}"));
        }
    }
    if let Some(name) = ["upstream", "entropy_upstream"].into_iter().find(|name| has(name) && !unreduced) {
        return Err(format!("'{name}' applies to --reduction none only"));
    }
    let unknown = || tensors.names.iter().map(String::as_str).filter(|name| !KNOWN.contains(name));
    let expected = KNOWN.into_iter().filter(|known| match *known {
        "logits" | "probabilities" => *known == scores_name && !has(known),
        "teacher" => from_teacher && !has("teacher"),
        "targets" | "target_offsets" | "target_indices" if from_teacher => false,
        "targets" => !has("targets") && !has("target_offsets") && !has("target_indices"),
        "target_offsets" | "target_indices" => !has(known) && !has("targets"),
        // A second tensor of such a name counts for nothing, whether the loss takes the first or not.
        _ => true,
    });
    if let Some((known, name)) = near_miss(expected, unknown()) {
        return Err(format!("unknown tensor '{name}': did you mean '{known}'?"));
    }
    match unknown().find_map(|name| Some((name, meant(name, spec.kind)?))) {
        Some((name, meant)) => Err(format!("'{name}' would count for nothing: {meant}; rename it, or leave it out")),
        None => Ok(()),
    }
}

/// The same for a linear layer and its loss, which reads tensors of these names.
pub(crate) fn check_linear(tensors: &Tensors, read: &[&'static str], reduction: Reduction) -> Result<(), String> {
    let has = |name: &str| tensors.found.contains_key(name);
    if has("upstream") && reduction != Reduction::None {
        return Err("'upstream' applies to --reduction none only".into());
    }
    let others = || tensors.names.iter().map(String::as_str).filter(|name| !read.contains(name));
    if let Some(name) = others().find(|name| KNOWN.contains(name)) {
        let tip = if name == "class_bias" { ": the layer's own is 'bias' [V]" } else { "" };
        return Err(format!("'{name}' does not apply to {LINEAR_CE}{tip}"));
    }
    let absent = read.iter().copied().filter(|known| !has(known));
    if let Some((known, name)) = near_miss(absent, others()) {
        return Err(format!("unknown tensor '{name}': did you mean '{known}'?"));
    }
    match others().find_map(|name| Some((name, meant(name, Kind::SoftmaxCe)?))) {
        Some((name, meant)) => Err(format!("'{name}' would count for nothing: {meant}; rename it, or leave it out")),
        None => Ok(()),
    }
}

/// What to say of a missing tensor: the name that it may have instead.
pub(crate) fn missing(name: &str, tensors: &Tensors, listed: &str) -> String {
    let others = match name {
        "logits" => SCORES,
        "probabilities" => PROBABILITIES,
        "targets" => TARGETS,
        "teacher" => TEACHER,
        _ => &[],
    };
    let other =
        tensors.names.iter().find(|other| !KNOWN.contains(&other.as_str()) && others.contains(&&*letters(other)));
    let tip = other.map_or_else(String::new, |other| format!("; if '{other}' is it, name it '{name}'"));
    format!("no tensor '{name}': the file has {listed}{tip}")
}

/// What a tensor of this name was meant to be, if it was meant to change the loss.
fn meant(name: &str, kind: Kind) -> Option<String> {
    let plain = letters(name);
    let option = |option: &str| Some(format!("that is the option {option}"));
    let numbers = OptionName::ALL.iter().filter(|option| option.letter().is_some());
    let mut named =
        numbers.filter(|option| letters(option.name()) == plain || option.aliases().contains(&plain.as_str()));
    if let Some(number) = named.next() {
        let takers = takers(*number);
        return match takers.contains(&kind) {
            true => option(&format!("--{}", number.hyphenated())),
            false => option(&format!("--{} of {}", number.hyphenated(), listing(&takers))),
        };
    }
    match plain.as_str() {
        "gradoutput" | "gradoutputs" | "gradout" | "outgrad" | "upstreamgrad" | "upstreamgradient" | "dloss" | "dy"
        | "cotangent" => return Some("the gradient of each loss is 'upstream', with --reduction none".into()),
        "ignoreindex" | "ignorelabel" => return option("--ignore-index"),
        "reduction" => return option("--reduction"),
        "denominator" | "numitemsinbatch" => return option("--denominator"),
        "bias" | "logitbias" | "logitadjustment" if kind.options().contains(&OptionName::ClassBias) => {
            return Some("what is added to each class's score is 'class_bias' [C]".into());
        }
        _ => {}
    }
    // A model's parameters have dots or slashes in their names.
    let is_weight = |word: &str| matches!(word, "weight" | "weights" | "weighting" | "mask" | "masks" | "wt" | "wts");
    let run_together = ["weight", "weights", "mask"].iter().any(|end| plain.ends_with(end));
    if name.contains(['.', '/']) || !(run_together || words(name).any(|word| is_weight(&word))) {
        return None;
    }
    let meant = if kind.per_row() {
        "weights of classes are 'class_weights' [C]; rows are weighted by 'upstream' with --reduction none, or left out by \
         their label with --ignore-index"
    } else if kind.options().contains(&OptionName::PosWeight) {
        "weights or a mask of elements are 'element_weights', weights of positives are 'pos_weight' [C]"
    } else {
        "weights or a mask of elements are 'element_weights'"
    };
    Some(meant.into())
}

/// Letters and digits in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_weights_masks_and_options_are_not_passed_over() {
        for name in [
            "weight",
            "weights",
            "mask",
            "sample_weight",
            "sampleWeights",
            "loss_mask",
            "attention-mask",
            "ignore_index",
            "label_smoothing",
            "grad_output",
            "row_weights",
            "example weight",
            "gamma",
            "MASK",
        ] {
            for &kind in Kind::ALL {
                assert!(meant(name, kind).is_some(), "{name}");
            }
        }
        for name in ["hidden", "ids", "lm_head.weight", "model/mask", "loss", "features", "masked_lm_ids"] {
            assert_eq!(meant(name, Kind::SoftmaxCe), None, "{name}");
        }
        assert!(meant("weight", Kind::SoftmaxCe).unwrap().contains("'class_weights'"));
        assert!(meant("weight", Kind::SigmoidCe).unwrap().contains("'element_weights'"));
    }
}
