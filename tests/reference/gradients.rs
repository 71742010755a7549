//! Gradients against finite differences, under every option.

use gpu_loss::batch::{MISSING_LABEL, TargetForm};
use gpu_loss::loss::{Divergence, Kind};
use ndarray::ArrayD;

use crate::common::random::Random;
use crate::common::{Case, OwnedTargets, plain};
use crate::difference::*;

/// Four rows each: `[N, C]`, and `[N, C, d]`, where a row's classes are not neighbours.
const SHAPES: [&[usize]; 2] = [&[4, 5], &[2, 3, 2]];

/// One weight a class; one of them is 0.
fn weights(classes: usize) -> Vec<f32> {
    vec![0.5, 2.0, 0.0, 1.25, 0.75][..classes].to_vec()
}

#[test]
fn gradient_of_softmax_ce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.iter().copied().map(|form| (*dims, form))) {
        for options in 0..48 {
            let mut spec = plain(Kind::SoftmaxCe);
            spec.label_smoothing = [0.0, 0.1, 1.0][options % 3];
            spec.class_weights = (options / 3 % 2 == 1).then(|| weights(dims[1]));
            spec.z_loss = [0.0, 0.25][options / 6 % 2];
            spec.logit_scale = [1.0, 1.5][options / 12 % 2];
            spec.softcap = (options / 24 == 1).then_some(4.0);
            under_every_reduction(case(&spec, form, dims, options as u64), 1);
        }
    }
}

#[test]
fn gradient_of_softmax_focal() {
    for (dims, gamma) in SHAPES.iter().flat_map(|dims| [0.0, 0.3, 1.0, 2.0, 5.0].map(|gamma| (*dims, gamma))) {
        for options in 0..8 {
            let mut spec = plain(Kind::SoftmaxFocal);
            spec.gamma = gamma;
            spec.class_weights = (options % 2 == 1).then(|| weights(dims[1]));
            spec.logit_scale = [1.0, 1.5][options / 2 % 2];
            spec.softcap = (options / 4 == 1).then_some(4.0);
            under_every_reduction(case(&spec, TargetForm::Classes, dims, options as u64), 2);
        }
    }
}

#[test]
fn gradient_of_poly_1() {
    for (dims, epsilon) in SHAPES.iter().flat_map(|dims| [-1.0, -0.5, 0.0, 1.0, 3.0].map(|epsilon| (*dims, epsilon))) {
        for options in 0..8 {
            let mut spec = plain(Kind::Poly1);
            spec.epsilon = epsilon;
            spec.class_weights = (options % 2 == 1).then(|| weights(dims[1]));
            spec.logit_scale = [1.0, 1.5][options / 2 % 2];
            spec.softcap = (options / 4 == 1).then_some(4.0);
            under_every_reduction(case(&spec, TargetForm::Classes, dims, options as u64), 7);
        }
    }
}

#[test]
fn gradient_of_ce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.iter().copied().map(|form| (*dims, form))) {
        for options in 0..6 {
            let mut spec = plain(Kind::Ce);
            spec.label_smoothing = [0.0, 0.1, 1.0][options % 3];
            spec.class_weights = (options / 3 == 1).then(|| weights(dims[1]));
            under_every_reduction(case(&spec, form, dims, options as u64), 3);
        }
    }
}

/// Without and with one weight an element, one of them 0.
fn with_and_without_element_weights(case: Case, seed: u64) {
    let mut r = Random(seed);
    let mut weighted = case.clone();
    let mut weights = ArrayD::from_shape_simple_fn(case.scores.raw_dim(), || 2.0 * r.unit());
    weights.iter_mut().take(1).for_each(|v| *v = 0.0);
    weighted.element_weights = Some(weights);
    under_every_reduction(case, seed);
    under_every_reduction(weighted, seed);
}

#[test]
fn gradient_of_sigmoid_ce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.iter().copied().map(|form| (*dims, form))) {
        for pos_weight in [None, Some(weights(dims[1]))] {
            let mut spec = plain(Kind::SigmoidCe);
            spec.pos_weight = pos_weight;
            with_and_without_element_weights(case(&spec, form, dims, 4), 4);
        }
    }
}

#[test]
fn gradient_of_sigmoid_focal() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.iter().copied().map(|form| (*dims, form))) {
        for (gamma, alpha) in [0.0, 0.3, 1.0, 2.0, 5.0].into_iter().flat_map(|g| [None, Some(0.25)].map(|a| (g, a))) {
            let mut spec = plain(Kind::SigmoidFocal);
            (spec.gamma, spec.alpha) = (gamma, alpha);
            with_and_without_element_weights(case(&spec, form, dims, 5), 5);
        }
    }
}

#[test]
fn gradient_of_bce() {
    for (dims, form) in SHAPES.iter().flat_map(|dims| TargetForm::ALL.iter().copied().map(|form| (*dims, form))) {
        with_and_without_element_weights(case(&plain(Kind::Bce), form, dims, 6), 6);
    }
}

#[test]
fn gradient_of_asymmetric() {
    let forms = [TargetForm::Classes, TargetForm::Lists, TargetForm::MultiHot];
    for (dims, form) in SHAPES.iter().flat_map(|dims| forms.map(|form| (*dims, form))) {
        for (positive, negative) in [(0.0, 0.0), (1.0, 4.0), (0.3, 2.0), (2.0, 0.3), (3.0, 1.0)] {
            for clip in [0.0, 0.05, 0.3, 1.0] {
                let mut spec = plain(Kind::Asymmetric);
                (spec.gamma_positive, spec.gamma_negative, spec.clip) = (positive, negative, clip);
                let mut case = case(&spec, form, dims, 8);
                // Away from the clip, where the loss has a kink.
                let kink = (clip / (1.0 - clip)).ln();
                case.scores.iter_mut().filter(|u| (**u - kink).abs() < 0.125).for_each(|u| *u += 0.25);
                with_and_without_element_weights(case, 8);
            }
        }
    }
}

/// Labels that are not known count for nothing, under every reduction.
#[test]
fn gradient_where_labels_are_missing() {
    for (dims, kind) in SHAPES
        .iter()
        .flat_map(|dims| [Kind::SigmoidCe, Kind::SigmoidFocal, Kind::Asymmetric, Kind::Bce].map(|kind| (*dims, kind)))
    {
        let mut case = case(&plain(kind), TargetForm::MultiHot, dims, 9);
        if let OwnedTargets::MultiHot(bytes) = &mut case.targets {
            bytes.iter_mut().step_by(3).for_each(|byte| *byte = MISSING_LABEL);
        }
        with_and_without_element_weights(case, 9);
    }
}

#[test]
fn gradient_of_distillation() {
    for (dims, divergence) in SHAPES.iter().flat_map(|dims| Divergence::ALL.map(|divergence| (*dims, divergence))) {
        for (temperature, lambda, squared) in [(1.0, 0.5, false), (2.0, 0.1, true), (0.5, 0.9, false)] {
            let mut spec = plain(Kind::Distillation);
            (spec.divergence, spec.temperature, spec.lambda) = (divergence, temperature, lambda);
            spec.times_temperature_squared = squared;
            under_every_reduction(case(&spec, TargetForm::Logits, dims, 10), 10);
        }
    }
}

#[test]
fn gradient_of_sigmoid_losses_from_a_teacher() {
    for (dims, kind) in SHAPES.iter().flat_map(|dims| [Kind::SigmoidCe, Kind::SigmoidFocal].map(|kind| (*dims, kind))) {
        for (temperature, squared) in [(1.0, false), (2.0, true), (0.5, false)] {
            let mut spec = plain(kind);
            (spec.temperature, spec.times_temperature_squared) = (temperature, squared);
            spec.pos_weight = (kind == Kind::SigmoidCe).then(|| weights(dims[1]));
            spec.class_bias = Some(weights(dims[1]));
            with_and_without_element_weights(case(&spec, TargetForm::Logits, dims, 11), 11);
        }
    }
}
