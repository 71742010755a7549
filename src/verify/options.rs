//! The groups of options that each loss is checked with, made from what the registry knows of its options.

use std::sync::LazyLock;

use super::random::Random;
use crate::batch::TargetForm;
use crate::loss::{Kind, OptionName, Spec};

/// Options that are set together.
#[derive(Debug)]
pub(super) struct Group {
    /// What the table calls it.
    pub(super) name: String,
    settings: Vec<Setting>,
    /// Whether the batch has element weights too.
    pub(super) element_weights: bool,
    /// The one form of target that it is for, where it has a meaning on one alone.
    pub(super) only: Option<TargetForm>,
}

/// One option's value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Setting {
    Number(OptionName, f32),
    /// One weight a class.
    Weights(OptionName),
}

impl Setting {
    /// Every value that an option of this loss is checked with but for its default, the first one for use with others.
    fn all(option: OptionName, defaults: &Spec) -> Vec<Setting> {
        if option.letter().is_none() {
            return vec![Setting::Weights(option)];
        }
        let others = option.samples().iter().filter(|sample| option.get(defaults) != Some(**sample));
        others.map(|sample| Setting::Number(option, *sample)).collect()
    }

    fn apply(self, spec: &mut Spec, classes: usize) {
        match self {
            Setting::Number(option, value) => option.set(spec, value),
            Setting::Weights(OptionName::ClassBias) => OptionName::ClassBias.set_weights(spec, bias(classes)),
            Setting::Weights(option) => option.set_weights(spec, weights(classes)),
        };
    }

    /// The one form of target on which it has a meaning in this loss, if there is only one of several.
    fn only(self, kind: Kind) -> Option<TargetForm> {
        use OptionName::{MarginAngle, MarginCosine, MarginMultiplier, Temperature, TimesTemperatureSquared};
        match self {
            Setting::Number(MarginMultiplier | MarginAngle | MarginCosine, _) => Some(TargetForm::Classes),
            Setting::Number(Temperature | TimesTemperatureSquared, _) if !kind.per_row() => Some(TargetForm::Logits),
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Setting::Number(option, value) => format!("{} {value}", option.name()),
            Setting::Weights(option) => option.name().to_owned(),
        }
    }
}

impl Group {
    /// Sets the options, for so many classes.
    pub(super) fn set(&self, spec: &mut Spec, classes: usize) {
        self.settings.iter().for_each(|setting| setting.apply(spec, classes));
    }
}

/// The groups of a loss: its defaults, each option alone, and combinations.
pub(super) fn groups(kind: Kind) -> &'static [Group] {
    static GROUPS: LazyLock<Vec<Vec<Group>>> = LazyLock::new(|| Kind::ALL.iter().map(|kind| made(*kind)).collect());
    &GROUPS[kind as usize]
}

fn made(kind: Kind) -> Vec<Group> {
    let defaults = kind.defaults();
    let options: Vec<Vec<Setting>> = kind.options().iter().map(|option| Setting::all(*option, &defaults)).collect();
    let group = |name: String, settings: Vec<Setting>, element_weights| Group {
        name,
        only: settings.iter().find_map(|setting| setting.only(kind)),
        settings,
        element_weights,
    };
    let mut groups = vec![group("defaults".into(), vec![], false)];
    groups.extend(options.iter().flatten().map(|setting| group(setting.name(), vec![*setting], false)));
    let weights_and_smoothing: Vec<Setting> = options
        .iter()
        .filter_map(|values| values.first().copied())
        .filter(|setting| {
            matches!(
                setting,
                Setting::Weights(OptionName::ClassWeights) | Setting::Number(OptionName::LabelSmoothing, _)
            )
        })
        .collect();
    let firsts = || options.iter().filter_map(|values| values.first().copied());
    let all: Vec<Setting> = firsts().filter(|setting| setting.only(kind).is_none()).collect();
    let of = |form: TargetForm| firsts().filter(move |s| s.only(kind) == Some(form)).collect::<Vec<_>>();
    let (margins, tempered) = (of(TargetForm::Classes), of(TargetForm::Logits));
    if weights_and_smoothing.len() == 2 && all.len() > 2 {
        groups.push(group("weights + smoothing".into(), weights_and_smoothing, false));
    }
    if !margins.is_empty() {
        groups.push(group("margins".into(), margins, false));
    }
    if !tempered.is_empty() {
        let with_all = all.iter().chain(&tempered).copied().collect();
        groups.push(group("teacher".into(), with_all, true));
    }
    if !kind.per_row() {
        groups.push(group("element weights".into(), vec![], true));
    }
    if all.len() > 1 || !all.is_empty() && !kind.per_row() {
        groups.push(group("all".into(), all, !kind.per_row()));
    }
    groups
}

/// Biases of classes, of either sign.
fn bias(classes: usize) -> Vec<f32> {
    let mut random = Random::new(classes as u64);
    (0..classes).map(|_| 3.0 * random.unit() - 1.5).collect()
}

/// Weights of classes, about 1; from 33 classes on, some are 0.
fn weights(classes: usize) -> Vec<f32> {
    let mut random = Random::new(classes as u64);
    (0..classes)
        .map(|class| {
            let weight = 0.1 + 1.9 * random.unit();
            if classes >= 33 && class % 11 == 7 { 0.0 } else { weight }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_a_legal_loss() {
        for &kind in Kind::ALL {
            for group in groups(kind) {
                for classes in [1, 33, 100] {
                    let mut spec = kind.defaults();
                    group.set(&mut spec, classes);
                    assert!(spec.check(classes).is_ok(), "{kind:?} {}", group.name);
                }
            }
        }
    }

    #[test]
    fn groups_are_each_option_alone_and_all_together() {
        let names = |kind| groups(kind).iter().map(|group| group.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(Kind::Bce), ["defaults", "element weights"]);
        let of_sigmoid = names(Kind::SigmoidCe);
        assert_eq!(of_sigmoid[..5], ["defaults", "pos_weight", "class_bias", "temperature 2", "temperature 0.5"]);
        assert_eq!(of_sigmoid[5..], ["times_temperature_squared 1", "teacher", "element weights", "all"]);
        let of_softmax = names(Kind::SoftmaxCe);
        assert_eq!(of_softmax.len(), 1 + 6 + 7 + 3, "{of_softmax:?}");
        assert_eq!(of_softmax[1..3], ["label_smoothing 0.1", "label_smoothing 1"]);
        let of_focal = names(Kind::SoftmaxFocal);
        assert_eq!(of_focal.len(), 1 + 5 + 4 + 1, "{of_focal:?}");
    }
}
