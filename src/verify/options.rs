//! The groups of options that each loss is checked with.

use super::random::Random;
use crate::{Kind, Spec};

/// Options that are set together.
#[derive(Debug)]
pub(super) struct Group {
    /// What the table calls it.
    pub(super) name: &'static str,
    /// Sets them, for so many classes.
    pub(super) set: fn(&mut Spec, usize),
    /// Whether the batch has element weights too.
    pub(super) element_weights: bool,
}

const fn group(name: &'static str, set: fn(&mut Spec, usize)) -> Group {
    Group { name, set, element_weights: false }
}

const fn weighted(name: &'static str, set: fn(&mut Spec, usize)) -> Group {
    Group { name, set, element_weights: true }
}

/// The groups of a loss: nothing, each option alone, and combinations.
pub(super) fn groups(kind: Kind) -> &'static [Group] {
    match kind {
        Kind::Ce => CE,
        Kind::Bce => BCE,
        Kind::SoftmaxCe => SOFTMAX_CE,
        Kind::SigmoidCe => SIGMOID_CE,
        Kind::SoftmaxFocal => SOFTMAX_FOCAL,
        Kind::SigmoidFocal => SIGMOID_FOCAL,
    }
}

const CE: &[Group] = &[
    group("plain", |_, _| {}),
    group("smoothing", |s, _| s.label_smoothing = 0.1),
    group("class weights", |s, c| s.class_weights = Some(weights(c))),
    group("weights + smoothing", |s, c| {
        s.class_weights = Some(weights(c));
        s.label_smoothing = 0.3;
    }),
];

const BCE: &[Group] = &[group("plain", |_, _| {}), weighted("element weights", |_, _| {})];

const SOFTMAX_CE: &[Group] = &[
    group("plain", |_, _| {}),
    group("smoothing", |s, _| s.label_smoothing = 0.1),
    group("smoothing 1", |s, _| s.label_smoothing = 1.0),
    group("class weights", |s, c| s.class_weights = Some(weights(c))),
    group("z-loss", |s, _| s.z_loss = 1e-3),
    group("softcap", |s, _| s.softcap = Some(5.0)),
    group("logit scale", |s, _| s.logit_scale = 0.7),
    group("weights + smoothing", |s, c| {
        s.class_weights = Some(weights(c));
        s.label_smoothing = 0.15;
    }),
    group("all", |s, c| {
        s.class_weights = Some(weights(c));
        s.label_smoothing = 0.05;
        s.z_loss = 1e-2;
        s.softcap = Some(8.0);
        s.logit_scale = 0.5;
    }),
];

const SIGMOID_CE: &[Group] = &[
    group("plain", |_, _| {}),
    group("pos weight", |s, c| s.pos_weight = Some(weights(c))),
    weighted("element weights", |_, _| {}),
    weighted("both weights", |s, c| s.pos_weight = Some(weights(c))),
];

const SOFTMAX_FOCAL: &[Group] = &[
    group("gamma 2", |s, _| s.gamma = 2.0),
    group("gamma 0", |s, _| s.gamma = 0.0),
    // Below 1 the gradient's power of 1 − p_y has a negative exponent.
    group("gamma 0.3", |s, _| s.gamma = 0.3),
    group("gamma 1", |s, _| s.gamma = 1.0),
    group("gamma 5", |s, _| s.gamma = 5.0),
    group("class weights", |s, c| {
        s.gamma = 2.0;
        s.class_weights = Some(weights(c));
    }),
    group("all", |s, c| {
        s.gamma = 1.5;
        s.class_weights = Some(weights(c));
        s.softcap = Some(8.0);
        s.logit_scale = 0.5;
    }),
];

const SIGMOID_FOCAL: &[Group] = &[
    group("gamma 2", |s, _| s.gamma = 2.0),
    group("gamma 0", |s, _| s.gamma = 0.0),
    group("gamma 0.3", |s, _| s.gamma = 0.3),
    group("gamma 1", |s, _| s.gamma = 1.0),
    group("gamma 5", |s, _| s.gamma = 5.0),
    group("alpha", |s, _| {
        s.gamma = 2.0;
        s.alpha = Some(0.25);
    }),
    weighted("all", |s, _| {
        s.gamma = 1.5;
        s.alpha = Some(0.75);
    }),
];

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
        for kind in Kind::ALL {
            for group in groups(kind) {
                for classes in [1, 33, 100] {
                    let mut spec = Spec::plain(kind);
                    (group.set)(&mut spec, classes);
                    assert!(spec.check(classes).is_ok(), "{kind:?} {}", group.name);
                }
            }
        }
    }
}
