//! What an options struct owes the crate besides its fields: the trait [`Loss`](super::Loss), and a setter for each.

/// Implements [`Loss`](crate::loss::Loss) for the options of the [`Kind`](crate::loss::Kind) of the same name, and the
/// setters of these fields, which are all that it has.
macro_rules! loss {
    ($name:ident: $($field:ident),* $(,)?) => {
        impl crate::loss::sealed::Sealed for $name {}
        impl crate::loss::Loss for $name {
            fn spec(&self) -> crate::loss::Spec {
                crate::loss::Spec {
                    $($field: self.$field.clone(),)*
                    ..crate::loss::Spec::plain(crate::loss::Kind::$name)
                }
            }
        }
        impl $name {
            $(setter!($field);)*
        }
    };
}

/// The setter of a field, by the field's name. It means the same in every loss that has it, so its type and its words
/// stand here once.
macro_rules! setter {
    (reduction) => {
        setter!(reduction: crate::loss::Reduction = reduction, "Sets the reduction.");
    };
    (denominator) => {
        setter!(
            denominator: f32 = Some(denominator),
            "Sets the number that the mean divides by instead of its own count."
        );
    };
    (empty_mean) => {
        setter!(empty_mean: crate::loss::EmptyMean = empty_mean, "Sets what a mean over nothing is.");
    };
    (ignore_index) => {
        setter!(
            ignore_index: i64 = Some(ignore_index),
            "Sets the label whose rows count for nothing (class targets only)."
        );
    };
    (label_smoothing) => {
        setter!(label_smoothing: f32 = label_smoothing, "Sets the label smoothing `ε`, in [0, 1].");
    };
    (class_weights) => {
        setter!(
            class_weights: impl Into<Vec<f32>> = Some(class_weights.into()),
            "Sets the class weights `w`, one a class."
        );
    };
    (pos_weight) => {
        setter!(
            pos_weight: impl Into<Vec<f32>> = Some(pos_weight.into()),
            "Sets the weights `q` of the positive term, one a class."
        );
    };
    (z_loss) => {
        setter!(z_loss: f32 = z_loss, "Sets the factor `z` of `lse²`.");
    };
    (logit_scale) => {
        setter!(logit_scale: f32 = logit_scale, "Sets the factor of the scores.");
    };
    (softcap) => {
        setter!(softcap: f32 = Some(softcap), "Sets the bound of the scores.");
    };
    (class_bias) => {
        setter!(
            class_bias: impl Into<Vec<f32>> = Some(class_bias.into()),
            "Sets what is added to each class's score, one number a class: `τ·log prior` adjusts logits to classes of \
             unequal frequency, and `log` of the classes' counts makes the balanced softmax."
        );
    };
    (entropy_coefficient) => {
        setter!(
            entropy_coefficient: f32 = entropy_coefficient,
            "Sets the factor `β` of the entropy, which is taken from each row's loss: above 0 it keeps a policy from \
             growing certain, below 0 it makes it so."
        );
    };
    (margin_multiplier) => {
        setter!(
            margin_multiplier: f32 = margin_multiplier,
            "Sets `m₁`, what the angle of the true class is multiplied by (SphereFace), above 0."
        );
    };
    (margin_angle) => {
        setter!(
            margin_angle: f32 = margin_angle,
            "Sets `m₂`, what is added to the angle of the true class in radians (ArcFace), at least 0."
        );
    };
    (margin_cosine) => {
        setter!(
            margin_cosine: f32 = margin_cosine,
            "Sets `m₃`, what is taken from the cosine of the true class (CosFace), at least 0."
        );
    };
    (gamma) => {
        setter!(gamma: f32 = gamma, "Sets the focusing exponent `γ`.");
    };
    (alpha) => {
        setter!(alpha: f32 = Some(alpha), "Sets the balance `α`, in [0, 1].");
    };
    (epsilon) => {
        setter!(epsilon: f32 = epsilon, "Sets the factor `ε` of `1 − p_y`, at least −1.");
    };
    (gamma_positive) => {
        setter!(gamma_positive: f32 = gamma_positive, "Sets the focusing exponent `γ₊` of positives.");
    };
    (gamma_negative) => {
        setter!(gamma_negative: f32 = gamma_negative, "Sets the focusing exponent `γ₋` of negatives.");
    };
    (clip) => {
        setter!(clip: f32 = clip, "Sets what is taken off the probability of a negative, in [0, 1].");
    };
    (temperature) => {
        setter!(temperature: f32 = temperature, "Sets the temperature `τ`, above 0.");
    };
    (divergence) => {
        setter!(divergence: crate::loss::Divergence = divergence, "Sets the divergence.");
    };
    (lambda) => {
        setter!(lambda: f32 = lambda, "Sets `λ` of Jensen–Shannon, between 0 and 1.");
    };
    (times_temperature_squared) => {
        setter!(
            times_temperature_squared: bool = times_temperature_squared,
            "Sets whether loss and gradient are multiplied by `τ²`."
        );
    };
    (symmetric) => {
        setter!(symmetric: bool = symmetric, "Sets whether it goes down the columns too.");
    };
    ($field:ident: $given:ty = $kept:expr, $words:literal) => {
        #[doc = $words]
        #[must_use]
        pub fn $field(mut self, $field: $given) -> Self {
            self.$field = $kept;
            self
        }
    };
}
