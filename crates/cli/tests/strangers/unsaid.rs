//! What would count for nothing, or can be two things: refused on one line, by the name that is meant.

use crate::common::{Array, bytes, floats, longs, npz, run};

const ARGS: &str = "--output out.npz";

/// Runs each file, which must be refused with these words.
fn refused(cases: &[(&str, Vec<Array>, &[&str])]) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut faults = Vec::new();
    for (args, arrays, words) in cases {
        std::fs::write(directory.path().join("in.npz"), npz(arrays)).expect("writable");
        let ended = run(directory.path(), &format!("run in.npz {args} {ARGS}"));
        let is_one_line = ended.stderr.lines().count() == 1 && ended.stdout.is_empty();
        let written = directory.path().join("out.npz").exists();
        if ended.code != Some(2) || !is_one_line || written || words.iter().any(|word| !ended.stderr.contains(word)) {
            let names: Vec<&str> = arrays.iter().map(|array| array.name).collect();
            faults.push(format!("{args} {names:?}: {:?} {words:?}: {}{}", ended.code, ended.stdout, ended.stderr));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn scores(shape: &[usize]) -> Array {
    floats("logits", shape, &vec![0.5; shape.iter().product()])
}

#[test]
fn tensors_that_look_like_weights_or_options_are_not_passed_over() {
    let with =
        |name: &'static str| vec![scores(&[3, 4]), longs("targets", &[3], &[0; 3]), floats(name, &[3], &[1.0; 3])];
    let softmax = "--loss softmax-ce";
    refused(&[
        (softmax, with("weight"), &["'weight'", "'class_weights'", "'upstream'"]),
        (softmax, with("weights"), &["'weights'", "'class_weights'"]),
        (softmax, with("mask"), &["'mask'", "--ignore-index"]),
        (softmax, with("sample_weight"), &["'sample_weight'", "'upstream' with --reduction none"]),
        (softmax, with("pos_weights"), &["'pos_weights'", "'pos_weight'?"]),
        (softmax, with("label_smoothing"), &["'label_smoothing'", "--label-smoothing"]),
        (softmax, with("grad_output"), &["'grad_output'", "'upstream'"]),
        ("--loss sigmoid-ce", with("weight"), &["'weight'", "'element_weights'", "'pos_weight'"]),
        ("--loss sigmoid-focal", with("loss_mask"), &["'loss_mask'", "'element_weights'"]),
    ]);
}

#[test]
fn what_can_be_two_things_is_refused_by_both() {
    let weighted = |shape: &[usize], weights: &[usize]| {
        let targets = bytes("targets", shape, &vec![0; shape.iter().product()]);
        vec![scores(shape), targets, floats("element_weights", weights, &vec![1.0; weights.iter().product()])]
    };
    let sigmoid = "--loss sigmoid-ce";
    refused(&[
        (sigmoid, weighted(&[4, 4], &[4]), &["[1, 4] or [4, 1]"]),
        (sigmoid, weighted(&[3, 4], &[3]), &["expected [3, 4]", "is it [3, 1]?"]),
        (sigmoid, vec![scores(&[3, 1]), longs("targets", &[3, 1], &[0; 3])], &["classes", "multi-hot"]),
    ]);
}

#[test]
fn labels_of_another_layout_get_what_to_do() {
    let softmax = "--loss softmax-ce";
    let labelled = |shape: &[usize], labels: &[i64]| vec![scores(shape), longs("targets", &[labels.len()], labels)];
    refused(&[
        (
            softmax,
            vec![scores(&[2, 5, 7]), longs("targets", &[2, 5], &[0; 10])],
            &["classes are read from axis 1", "logits.transpose(0, 2, 1)", "[10, 7]"],
        ),
        (softmax, labelled(&[3, 4], &[0, -100, 1]), &["class -100", "say --ignore-index -100"]),
        (softmax, labelled(&[3, 4], &[0, 255, 1]), &["class 255", "say --ignore-index 255"]),
        (softmax, labelled(&[3, 4], &[4, 1, 2]), &["class 4", "classes are counted from 0"]),
        (
            softmax,
            vec![scores(&[3, 4]), floats("targets", &[3], &[0.0, 1.0, 2.0])],
            &["'targets' is f32 [3]", "labels in floats"],
        ),
        (softmax, vec![scores(&[3, 4]), longs("labels", &[3], &[0; 3])], &["no tensor 'targets'", "if 'labels' is it"]),
    ]);
}

#[test]
fn losses_by_the_names_of_other_libraries_get_the_right_one() {
    let cases = [
        ("cross_entropy", &["'softmax-ce'"][..]),
        ("cross-entropy", &["'softmax-ce'"]),
        ("bce-with-logits", &["'sigmoid-ce'"]),
        ("nll", &["'softmax-ce'", "'ce'", "probabilities"]),
        ("focal", &["softmax-focal", "sigmoid-focal"]),
    ];
    for (name, words) in cases {
        let ended = run(std::path::Path::new("."), &format!("run in.npz --loss {name}"));
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{name}: {}", ended.stderr);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{name}: {}", ended.stderr);
    }
}
