//! The pieces that a loss is made of, with its options.

use super::key::{RowOptions, Transform};
use super::pieces::*;
use crate::loss::{Divergence, Kind};

/// The maths of a loss, with its options.
pub(super) fn of(kind: Kind, options: RowOptions, gathers: bool) -> Vec<&'static str> {
    let own = of_loss(kind.name());
    let bias = if options.bias { LOSS_BIAS_ON } else { LOSS_BIAS_OFF };
    if !kind.per_row() {
        return own.into_iter().chain([bias]).collect();
    }
    if kind == Kind::Distillation {
        return distillation(options).into_iter().chain(own).collect();
    }
    let mut pieces = vec![
        if options.smoothed { LOSS_SMOOTHING_ON } else { LOSS_SMOOTHING_OFF },
        LOSS_TARGET_WEIGHTS,
        if options.best { LOSS_BEST_TRACKED } else { LOSS_BEST_UNTRACKED },
        if options.entropy { LOSS_ENTROPY_ON } else { LOSS_ENTROPY_OFF },
        if options.spread { LOSS_SPREAD_ON } else { LOSS_SPREAD_OFF },
        if options.ahead { LOSS_AHEAD_ON } else { LOSS_AHEAD_OFF },
        if options.margin { LOSS_MARGIN_ON } else { LOSS_MARGIN_OFF },
    ];
    if kind.takes_probabilities() {
        pieces.push(LOSS_GIVEN);
        return pieces;
    }
    pieces.extend([
        match options.transform {
            Transform::Identity => LOSS_TRANSFORM_IDENTITY,
            Transform::Scale => LOSS_TRANSFORM_SCALE,
            Transform::ScaleFirst => LOSS_TRANSFORM_SCALE_FIRST,
            Transform::Softcap => LOSS_TRANSFORM_SOFTCAP,
        },
        bias,
        LOSS_LOGIT,
        if gathers { LOSS_TARGETS_GATHERED } else { LOSS_TARGETS_LISTED },
        if options.z_loss { LOSS_Z_LOSS_ON } else { LOSS_Z_LOSS_OFF },
        LOSS_SOFTMAX,
    ]);
    pieces.extend(own);
    pieces
}

/// Both sides, and the divergence between them.
fn distillation(options: RowOptions) -> [&'static str; 6] {
    [
        LOSS_TEACHER_SCORES,
        if options.best { LOSS_BEST_TRACKED } else { LOSS_BEST_UNTRACKED },
        LOSS_ENTROPY_OFF,
        LOSS_SPREAD_OFF,
        LOSS_AHEAD_OFF,
        match options.divergence {
            Divergence::ForwardKl => LOSS_DIVERGENCE_FORWARD_KL,
            Divergence::ReverseKl => LOSS_DIVERGENCE_REVERSE_KL,
            Divergence::JensenShannon => LOSS_DIVERGENCE_JENSEN_SHANNON,
        },
    ]
}
