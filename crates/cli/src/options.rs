//! Which options and tensors each loss has, and the loss that they make.

use gpu_loss::{Kind, Outputs, Reduction, Spec};

use crate::args::{LossOptions, OutputName, RunArgs, loss_name};
use crate::failure::Failure;

/// The losses with label smoothing and class weights, …
const SMOOTHED: &[Kind] = &[Kind::Ce, Kind::SoftmaxCe];
const CLASS_WEIGHTED: &[Kind] = &[Kind::Ce, Kind::SoftmaxCe, Kind::SoftmaxFocal];
/// … with a transform of the scores, …
const TRANSFORMED: &[Kind] = &[Kind::SoftmaxCe, Kind::SoftmaxFocal];
/// … with a focus, …
const FOCAL: &[Kind] = &[Kind::SoftmaxFocal, Kind::SigmoidFocal];
/// … and with one weight an element.
const ELEMENT_WEIGHTED: &[Kind] = &[Kind::Bce, Kind::SigmoidCe, Kind::SigmoidFocal];

/// The losses that take an optional tensor.
pub(crate) fn takers(tensor: &str) -> &'static [Kind] {
    match tensor {
        "class_weights" => CLASS_WEIGHTED,
        "pos_weight" => &[Kind::SigmoidCe],
        "element_weights" => ELEMENT_WEIGHTED,
        _ => &Kind::ALL,
    }
}

/// The loss that the options describe, without the weights that come from the file.
pub(crate) fn spec(kind: Kind, options: &LossOptions) -> Result<Spec, Failure> {
    let mut spec = kind.defaults();
    spec.reduction = options.reduction.map_or(Reduction::Mean, crate::args::ReductionName::reduction);
    spec.denominator = options.denominator;
    if let (Some(_), Some(reduction)) =
        (options.denominator, options.reduction.filter(|r| r.reduction() != Reduction::Mean))
    {
        return Err(Failure::usage(format!(
            "--denominator does not apply to --reduction {}: it replaces what --reduction mean divides by",
            reduction.name()
        )));
    }
    if let Some(empty_mean) = options.empty_mean {
        if let Some(reduction) = options.reduction.filter(|r| matches!(r.reduction(), Reduction::None | Reduction::Sum))
        {
            let reduction = reduction.name();
            return Err(Failure::usage(format!(
                "--empty-mean does not apply to --reduction {reduction}: it is for mean and batch-mean"
            )));
        }
        spec.empty_mean = empty_mean.empty_mean();
    }
    spec.ignore_index = options.ignore_index;
    set(&mut spec.label_smoothing, options.label_smoothing, "--label-smoothing", kind, SMOOTHED)?;
    set(&mut spec.z_loss, options.z_loss, "--z-loss", kind, &[Kind::SoftmaxCe])?;
    set(&mut spec.softcap, options.softcap.map(Some), "--softcap", kind, TRANSFORMED)?;
    set(&mut spec.logit_scale, options.logit_scale, "--logit-scale", kind, TRANSFORMED)?;
    set(&mut spec.gamma, options.gamma, "--gamma", kind, FOCAL)?;
    set(&mut spec.alpha, options.alpha.map(Some), "--alpha", kind, &[Kind::SigmoidFocal])?;
    Ok(spec)
}

/// What `run` asks for besides the loss.
pub(crate) fn want(args: &RunArgs) -> Result<Outputs, Failure> {
    let kind = args.loss.kind();
    let mut want = Outputs { losses: kind.is_softmax(), lse: kind.is_softmax(), ..Outputs::default() };
    for output in &args.outputs {
        let (field, name, takers): (_, _, &[Kind]) = match output {
            OutputName::Losses => (&mut want.losses, "losses", &Kind::ALL),
            OutputName::Lse => (&mut want.lse, "lse", TRANSFORMED),
            OutputName::Argmax => (&mut want.argmax, "argmax", CLASS_WEIGHTED),
            OutputName::Correct => (&mut want.correct, "correct", CLASS_WEIGHTED),
        };
        set(field, Some(true), &format!("--outputs {name}"), kind, takers)?;
    }
    Ok(want)
}

fn set<V>(field: &mut V, value: Option<V>, option: &str, kind: Kind, takers: &[Kind]) -> Result<(), Failure> {
    let Some(value) = value else { return Ok(()) };
    if !takers.contains(&kind) {
        return Err(Failure::usage(format!(
            "{option} does not apply to --loss {}: it is for {}",
            loss_name(kind),
            listing(takers)
        )));
    }
    *field = value;
    Ok(())
}

/// Losses for a message.
pub(crate) fn listing(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| loss_name(*kind)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_another_loss_is_refused_by_both_names() {
        let options = LossOptions { softcap: Some(30.0), ..LossOptions::default() };
        let line = spec(Kind::SigmoidCe, &options).unwrap_err().line();
        assert_eq!(line, "--softcap does not apply to --loss sigmoid-ce: it is for softmax-ce, softmax-focal");
        assert_eq!(spec(Kind::SoftmaxCe, &options).unwrap().softcap, Some(30.0));
    }
}
