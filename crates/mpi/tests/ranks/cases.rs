//! The table of losses that shards are held to.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::EmptyMean;
use gpu_loss::{Reduction, SoftmaxCe};

use crate::batch::More;

/// A row of the table of cases.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) dims: &'static [usize],
    pub(crate) targets: TargetForm,
    pub(crate) loss: fn(SoftmaxCe) -> SoftmaxCe,
    pub(crate) even: bool,
    pub(crate) mask: bool,
    pub(crate) in_place: bool,
    pub(crate) more: More,
    /// With every number of ranks.
    pub(crate) always: bool,
}

const PLAIN: Case = Case {
    name: "plain",
    dims: &[17, 84],
    targets: TargetForm::Classes,
    loss: |loss| loss,
    even: true,
    mask: false,
    in_place: false,
    more: NO_MORE,
    always: false,
};

const NO_MORE: More = More { entropy: false, entropy_upstream: false, grad_class_bias: false };

pub(crate) fn everything(loss: SoftmaxCe) -> SoftmaxCe {
    loss.softcap(4.0).label_smoothing(0.1).z_loss(0.02).logit_scale(0.7).ignore_index(-100)
}

/// One weight a class of the 101 of [`CASES`].
fn weights() -> Vec<f32> {
    (0..101).map(|class| 0.25 + (class % 7) as f32 / 4.0).collect()
}

pub(crate) const CASES: &[Case] = &[
    PLAIN,
    Case { name: "uneven", dims: &[9, 101], even: false, ..PLAIN },
    Case { name: "one class a rank or more", dims: &[5, 7], even: false, ..PLAIN },
    Case { name: "everything", dims: &[24, 101], even: false, loss: everything, ..PLAIN },
    Case { name: "everything, in place", dims: &[24, 84], loss: everything, in_place: true, ..PLAIN },
    Case { name: "an empty shard", mask: true, ..PLAIN },
    Case {
        name: "an empty shard, everything",
        dims: &[24, 101],
        even: false,
        mask: true,
        loss: everything,
        always: true,
        ..PLAIN
    },
    Case {
        name: "weights, summed",
        dims: &[12, 101],
        even: false,
        loss: |loss| everything(loss).class_weights(weights()).reduction(Reduction::Sum),
        ..PLAIN
    },
    Case { name: "scaled", loss: |loss| loss.logit_scale(3.0).reduction(Reduction::BatchMean), ..PLAIN },
    Case { name: "spatial", dims: &[3, 84, 5], loss: |loss| everything(loss).reduction(Reduction::None), ..PLAIN },
    Case { name: "a denominator", loss: |loss| loss.denominator(64.0).ignore_index(3), ..PLAIN },
    Case { name: "ignored altogether", loss: |loss| loss.ignore_index(0).empty_mean(EmptyMean::Zero), ..PLAIN },
    Case { name: "lists", dims: &[13, 101], targets: TargetForm::Lists, even: false, ..PLAIN },
    Case {
        name: "lists, smoothed and masked",
        targets: TargetForm::Lists,
        mask: true,
        loss: |loss| loss.label_smoothing(0.2).z_loss(0.01),
        ..PLAIN
    },
    Case { name: "probabilities", dims: &[13, 101], targets: TargetForm::Probabilities, even: false, ..PLAIN },
    Case {
        name: "probabilities, weighed and smoothed",
        dims: &[13, 101],
        targets: TargetForm::Probabilities,
        loss: |loss| loss.softcap(9.0).label_smoothing(0.3).class_weights(weights()),
        ..PLAIN
    },
    Case {
        name: "a class bias, its gradient and entropies",
        dims: &[12, 101],
        even: false,
        loss: |loss| loss.label_smoothing(0.1).z_loss(0.02).logit_scale(0.7).ignore_index(-100).class_bias(weights()),
        more: More { entropy: true, grad_class_bias: true, ..NO_MORE },
        ..PLAIN
    },
    Case {
        name: "entropies that count",
        dims: &[14, 101],
        even: false,
        mask: true,
        loss: |loss| everything(loss).entropy_coefficient(0.3).class_bias(weights()),
        more: More { entropy: true, ..NO_MORE },
        ..PLAIN
    },
    Case {
        name: "gradients at entropies",
        dims: &[3, 84, 5],
        loss: |loss| loss.logit_scale(1.5).ignore_index(-100).reduction(Reduction::None),
        more: More { entropy: true, entropy_upstream: true, ..NO_MORE },
        ..PLAIN
    },
    Case {
        name: "entropies of probabilities",
        dims: &[13, 101],
        targets: TargetForm::Probabilities,
        even: false,
        loss: |loss| loss.entropy_coefficient(-0.1),
        more: More { entropy: true, ..NO_MORE },
        ..PLAIN
    },
    Case {
        name: "margins",
        dims: &[15, 101],
        even: false,
        loss: |loss| loss.margin_angle(0.4).margin_cosine(0.1).logit_scale(16.0).label_smoothing(0.1),
        ..PLAIN
    },
    Case {
        name: "margins, biased and masked",
        dims: &[15, 101],
        even: false,
        mask: true,
        loss: |loss| loss.margin_multiplier(1.2).logit_scale(8.0).class_bias(weights()).ignore_index(3),
        ..PLAIN
    },
];
