//! Gradients against finite differences, under every option.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::Kind;
use ndarray::ArrayD;

use crate::common::random::Random;
use crate::common::{Case, plain};
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
