//! Which options of a loss are switched on: what decides on kernels, apart from the options' values.

use super::{Divergence, Kind, OptionName, Reduction, Spec};

/// Which ways a loss's kernels take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flags {
    kind: Kind,
    reduction: Reduction,
    denominator: bool,
    ignore_index: bool,
    label_smoothing: bool,
    class_weights: bool,
    pos_weight: bool,
    z_loss: bool,
    logit_scale: bool,
    softcap: bool,
    gamma: Exponent,
    alpha: bool,
    epsilon: bool,
    class_bias: bool,
    entropy_coefficient: bool,
    margin_multiplier: bool,
    margin_angle: bool,
    margin_cosine: bool,
    gamma_positive: Exponent,
    gamma_negative: Exponent,
    clip: bool,
    temperature: bool,
    divergence: Divergence,
    lambda: bool,
    times_temperature_squared: bool,
    symmetric: bool,
}

/// Exponents for which kernels have ways of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Exponent {
    Zero,
    One,
    Two,
    Four,
    Any,
}

impl Exponent {
    fn of(value: f32) -> Self {
        match value {
            0.0 => Exponent::Zero,
            1.0 => Exponent::One,
            2.0 => Exponent::Two,
            4.0 => Exponent::Four,
            _ => Exponent::Any,
        }
    }

    fn example(self) -> f32 {
        match self {
            Exponent::Zero => 0.0,
            Exponent::One => 1.0,
            Exponent::Two => 2.0,
            Exponent::Four => 4.0,
            Exponent::Any => 1.5,
        }
    }
}

impl Spec {
    /// Which options are switched on.
    pub(crate) fn flags(&self) -> Flags {
        // By all fields: a new one has to be asked about here.
        let Spec {
            kind,
            reduction,
            denominator,
            empty_mean: _,
            ignore_index,
            label_smoothing,
            class_weights,
            pos_weight,
            z_loss,
            logit_scale,
            softcap,
            gamma,
            alpha,
            epsilon,
            class_bias,
            entropy_coefficient,
            margin_multiplier,
            margin_angle,
            margin_cosine,
            gamma_positive,
            gamma_negative,
            clip,
            temperature,
            divergence,
            lambda,
            times_temperature_squared,
            symmetric,
        } = self;
        Flags {
            kind: *kind,
            reduction: *reduction,
            denominator: denominator.is_some(),
            ignore_index: ignore_index.is_some(),
            label_smoothing: *label_smoothing != 0.0,
            class_weights: class_weights.is_some(),
            pos_weight: pos_weight.is_some(),
            z_loss: *z_loss != 0.0,
            logit_scale: *logit_scale != 1.0,
            softcap: softcap.is_some(),
            gamma: Exponent::of(*gamma),
            alpha: alpha.is_some(),
            epsilon: *epsilon != 0.0,
            class_bias: class_bias.is_some(),
            entropy_coefficient: *entropy_coefficient != 0.0,
            margin_multiplier: *margin_multiplier != 1.0,
            margin_angle: *margin_angle != 0.0,
            margin_cosine: *margin_cosine != 0.0,
            gamma_positive: Exponent::of(*gamma_positive),
            gamma_negative: Exponent::of(*gamma_negative),
            clip: *clip != 0.0,
            temperature: *temperature != 1.0,
            divergence: *divergence,
            lambda: *lambda != 0.5,
            times_temperature_squared: *times_temperature_squared,
            symmetric: *symmetric,
        }
    }
}

impl Flags {
    /// Which options are on, of those that not every loss has.
    pub(crate) fn options(&self) -> impl Iterator<Item = OptionName> + use<> {
        // By all fields: a new option has to be named here.
        let Flags {
            kind: _,
            reduction: _,
            denominator: _,
            ignore_index: _,
            label_smoothing,
            class_weights,
            pos_weight,
            z_loss,
            logit_scale,
            softcap,
            gamma,
            alpha,
            epsilon,
            class_bias,
            entropy_coefficient,
            margin_multiplier,
            margin_angle,
            margin_cosine,
            gamma_positive,
            gamma_negative,
            clip,
            temperature,
            divergence,
            lambda,
            times_temperature_squared,
            symmetric,
        } = *self;
        let options = [
            (OptionName::LabelSmoothing, label_smoothing),
            (OptionName::ClassWeights, class_weights),
            (OptionName::PosWeight, pos_weight),
            (OptionName::ZLoss, z_loss),
            (OptionName::LogitScale, logit_scale),
            (OptionName::Softcap, softcap),
            (OptionName::Gamma, gamma != Exponent::Zero),
            (OptionName::Alpha, alpha),
            (OptionName::Epsilon, epsilon),
            (OptionName::ClassBias, class_bias),
            (OptionName::EntropyCoefficient, entropy_coefficient),
            (OptionName::MarginMultiplier, margin_multiplier),
            (OptionName::MarginAngle, margin_angle),
            (OptionName::MarginCosine, margin_cosine),
            (OptionName::GammaPositive, gamma_positive != Exponent::Zero),
            (OptionName::GammaNegative, gamma_negative != Exponent::Zero),
            (OptionName::Clip, clip),
            (OptionName::Temperature, temperature),
            (OptionName::Divergence, divergence != Divergence::ForwardKl),
            (OptionName::Lambda, lambda),
            (OptionName::TimesTemperatureSquared, times_temperature_squared),
            (OptionName::Symmetric, symmetric),
        ];
        options.into_iter().filter(|(_, on)| *on).map(|(option, _)| option)
    }

    /// A loss with these options and moderate values of its own, whatever values a caller has: what is tested with it
    /// says something about kernels, not about values.
    pub(crate) fn example(&self, classes: usize, ignored: i64) -> Spec {
        let weights = |on: bool| on.then(|| (0..classes).map(|class| 0.25 + 0.125 * (class * 7 % 11) as f32).collect());
        Spec {
            reduction: self.reduction,
            denominator: self.denominator.then_some(6.5),
            ignore_index: self.ignore_index.then_some(ignored),
            label_smoothing: if self.label_smoothing { 0.1 } else { 0.0 },
            class_weights: weights(self.class_weights),
            pos_weight: weights(self.pos_weight),
            z_loss: if self.z_loss { 1e-3 } else { 0.0 },
            logit_scale: if self.logit_scale { 0.75 } else { 1.0 },
            softcap: self.softcap.then_some(20.0),
            gamma: self.gamma.example(),
            alpha: self.alpha.then_some(0.25),
            epsilon: if self.epsilon { 1.0 } else { 0.0 },
            class_bias: self
                .class_bias
                .then(|| (0..classes).map(|class| 0.5 - 0.125 * (class * 5 % 13) as f32).collect()),
            entropy_coefficient: if self.entropy_coefficient { 0.1 } else { 0.0 },
            margin_multiplier: if self.margin_multiplier { 1.25 } else { 1.0 },
            margin_angle: if self.margin_angle { 0.5 } else { 0.0 },
            margin_cosine: if self.margin_cosine { 0.25 } else { 0.0 },
            gamma_positive: self.gamma_positive.example(),
            gamma_negative: self.gamma_negative.example(),
            clip: if self.clip { 0.05 } else { 0.0 },
            temperature: if self.temperature { 2.0 } else { 1.0 },
            divergence: self.divergence,
            lambda: if self.lambda { 0.3 } else { 0.5 },
            times_temperature_squared: self.times_temperature_squared,
            symmetric: self.symmetric,
            ..Spec::plain(self.kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_the_flags_of_what_it_stands_for() {
        for &kind in Kind::ALL {
            let mut spec = kind.defaults();
            assert_eq!(spec.flags().example(5, -100).flags(), spec.flags());
            spec.denominator = Some(0.5 * f32::MIN_POSITIVE.sqrt());
            if kind.options().contains(&OptionName::Softcap) {
                (spec.softcap, spec.logit_scale, spec.class_weights) = (Some(5000.0), 1e-30, Some(vec![1e38; 5]));
            }
            if kind == Kind::SoftmaxCe {
                (spec.z_loss, spec.label_smoothing) = (1e36, 1e-45);
            }
            if spec.gamma > 0.0 {
                spec.gamma = 150.0;
            }
            let example = spec.flags().example(5, -100);
            assert_eq!(example.flags(), spec.flags());
            assert!(example.check(5).is_ok());
        }
    }
}
