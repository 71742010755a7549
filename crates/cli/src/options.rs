//! The loss that the options make, and what is asked for besides.

use gpu_loss::Reduction;
use gpu_loss::batch::Outputs;
use gpu_loss::loss::OptionName;
use gpu_loss::loss::{Divergence, Kind, Spec};

use crate::args::{LossOptions, OutputName, ReductionName};
use crate::failure::Failure;
use crate::takers::{listing, takers, those};

/// The loss that the options describe, without the weights that come from the file.
pub(crate) fn spec(kind: Kind, options: &LossOptions) -> Result<Spec, Failure> {
    let mut spec = kind.defaults();
    spec.reduction = options.reduction.map_or(Reduction::Mean, ReductionName::reduction);
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
    for (option, value) in &options.numbers.0 {
        applies(&format!("--{}", option.hyphenated()), kind, &takers(*option))?;
        option.set(&mut spec, *value);
    }
    let has = |name: OptionName| options.numbers.0.iter().any(|(option, _)| *option == name);
    if has(OptionName::Lambda) && spec.divergence != Divergence::JensenShannon {
        return Err(Failure::usage(format!(
            "--lambda does not apply to --divergence {}: it is for jensen-shannon",
            spec.divergence.name()
        )));
    }
    Ok(spec)
}

/// What is asked for besides the loss.
pub(crate) fn want(kind: Kind, outputs: &[OutputName]) -> Result<Outputs, Failure> {
    let mut want = Outputs::default();
    (want.losses, want.lse) = (kind.is_softmax(), kind.is_softmax());
    for output in outputs {
        let (field, name, takers) = match output {
            OutputName::Losses => (&mut want.losses, "losses", Kind::ALL.to_vec()),
            OutputName::Lse => (&mut want.lse, "lse", those(Kind::is_softmax)),
            OutputName::Argmax => (&mut want.argmax, "argmax", those(Kind::per_row)),
            OutputName::Correct => (&mut want.correct, "correct", those(Kind::per_row)),
            OutputName::LogProb => (&mut want.log_prob, "log-prob", those(Kind::is_softmax)),
            OutputName::Entropy => (&mut want.entropy, "entropy", those(Kind::is_softmax)),
            OutputName::Rank => (&mut want.rank, "rank", those(Kind::is_softmax)),
            OutputName::GradClassBias => (&mut want.grad_class_bias, "grad-class-bias", takers(OptionName::ClassBias)),
        };
        applies(&format!("--outputs {name}"), kind, &takers)?;
        *field = true;
    }
    Ok(want)
}

/// Refuses what belongs to other losses.
fn applies(option: &str, kind: Kind, takers: &[Kind]) -> Result<(), Failure> {
    if takers.contains(&kind) {
        return Ok(());
    }
    let (loss, takers) = (kind.hyphenated(), listing(takers));
    Err(Failure::usage(format!("{option} does not apply to --loss {loss}: it is for {takers}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Numbers;

    #[test]
    fn an_option_of_another_loss_is_refused_by_both_names() {
        let numbers = Numbers(vec![(OptionName::Softcap, 30.0)]);
        let options = LossOptions { numbers, ..LossOptions::default() };
        let line = spec(Kind::SigmoidCe, &options).unwrap_err().line();
        assert_eq!(line, "--softcap does not apply to --loss sigmoid-ce: it is for softmax-ce, softmax-focal, poly-1");
        assert_eq!(spec(Kind::SoftmaxCe, &options).unwrap().softcap, Some(30.0));
    }
}
