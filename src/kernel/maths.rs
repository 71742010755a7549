//! The pieces that a loss is made of, with its options.

use super::key::{RowOptions, Transform};
use super::pieces::*;
use crate::loss::{Divergence, Kind};

/// The maths of a loss, with its options.
pub(super) fn of(kind: Kind, options: RowOptions, gathers: bool) -> Vec<&'static str> {
    let own = of_loss(kind.name());
    if !kind.per_row() {
        return own.into_iter().collect();
    }
    if kind == Kind::Distillation {
        return distillation(options).into_iter().chain(own).collect();
    }
    let mut pieces = vec![
        if options.smoothed { LOSS_SMOOTHING_ON } else { LOSS_SMOOTHING_OFF },
        LOSS_TARGET_WEIGHTS,
        if options.best { LOSS_BEST_TRACKED } else { LOSS_BEST_UNTRACKED },
    ];
    if kind.takes_probabilities() {
        pieces.push(LOSS_GIVEN);
        return pieces;
    }
    pieces.extend([
        match options.transform {
            Transform::Identity => LOSS_TRANSFORM_IDENTITY,
            Transform::Scale => LOSS_TRANSFORM_SCALE,
            Transform::Softcap => LOSS_TRANSFORM_SOFTCAP,
        },
        if gathers { LOSS_TARGETS_GATHERED } else { LOSS_TARGETS_LISTED },
        if options.z_loss { LOSS_Z_LOSS_ON } else { LOSS_Z_LOSS_OFF },
        LOSS_SOFTMAX,
    ]);
    pieces.extend(own);
    pieces
}

/// Both sides, and the divergence between them.
fn distillation(options: RowOptions) -> [&'static str; 3] {
    [
        LOSS_TEACHER_SCORES,
        if options.best { LOSS_BEST_TRACKED } else { LOSS_BEST_UNTRACKED },
        match options.divergence {
            Divergence::ForwardKl => LOSS_DIVERGENCE_FORWARD_KL,
            Divergence::ReverseKl => LOSS_DIVERGENCE_REVERSE_KL,
            Divergence::JensenShannon => LOSS_DIVERGENCE_JENSEN_SHANNON,
        },
    ]
}
