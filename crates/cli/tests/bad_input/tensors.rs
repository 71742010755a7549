//! Scores and weights.

use crate::check::{case, check, good, labels, logits};
use crate::common::{Array, doubles, floats, longs, npz};

#[test]
fn tensors_that_are_missing_wrong_or_of_another_loss() {
    let file = |extra: Array| npz(&[logits(), labels(), extra]);
    let scores = |array: Array| npz(&[array, labels()]);
    let given = |value: f32| {
        let mut values = [0.5; 12];
        values[6] = value;
        npz(&[floats("probabilities", &[3, 4], &values), labels()])
    };
    let softmax = "--loss softmax-ce";
    check(&[
        case("a.npz", npz(&[logits()]), softmax, &["no tensor 'targets'", "logits"]),
        case("a.npz", npz(&[labels()]), softmax, &["no tensor 'logits'", "targets"]),
        case("a.npz", npz(&[logits(), longs("target", &[3], &[0; 3])]), softmax, &["'target'", "'targets'?"]),
        case("a.npz", good(), "--loss ce", &["no tensor 'probabilities'", "'logits' is for"]),
        case(
            "a.npz",
            scores(doubles("logits", &[3, 4], &[1e300; 12])),
            softmax,
            &["'logits' at [0, 0] is 1e300, which f32 does not hold"],
        ),
        case(
            "a.npz",
            scores(longs("logits", &[3, 4], &[1; 12])),
            softmax,
            &["'logits' is i64", "f32, f16, bf16 or f64"],
        ),
        case("a.npz", scores(floats("logits", &[], &[0.5])), softmax, &["'logits' has shape []", "[N, C]"]),
        case("a.npz", scores(floats("logits", &[3, 0], &[])), softmax, &["[3, 0]", "no classes"]),
        case("a.npz", given(1.5), "--loss ce", &["probabilities at [1, 2] is 1.5", "[0, 1]"]),
        case("a.npz", given(-0.25), "--loss bce", &["probabilities at [1, 2] is -0.25"]),
        case("a.npz", given(f32::NAN), "--loss bce", &["probabilities at [1, 2] is NaN"]),
        case(
            "a.npz",
            file(floats("pos_weight", &[3], &[1.0; 3])),
            "--loss sigmoid-ce",
            &["'pos_weight' has shape [3]", "[4]"],
        ),
        case("a.npz", file(floats("pos_weight", &[4], &[1.0; 4])), softmax, &["'pos_weight'", "sigmoid-ce"]),
        case(
            "a.npz",
            file(floats("class_weights", &[4], &[1.0, -1.0, 1.0, 1.0])),
            softmax,
            &["class_weights at [1] is -1"],
        ),
        case("a.npz", file(floats("element_weights", &[3], &[1.0; 3])), "--loss bce", &["no tensor 'probabilities'"]),
        case(
            "a.npz",
            file(floats("element_weights", &[3], &[1.0; 3])),
            "--loss sigmoid-ce",
            &["element_weights", "[3]", "[3, 4]"],
        ),
        case("a.npz", file(floats("upstream", &[3], &[1.0; 3])), softmax, &["'upstream'", "--reduction none"]),
        case(
            "a.npz",
            file(floats("upstream", &[4], &[1.0; 4])),
            "--loss softmax-ce --reduction none",
            &["upstream", "[4]", "[3]"],
        ),
    ]);
}

#[test]
fn weights_that_are_no_weights() {
    let weighed = |name, values: [f32; 4]| npz(&[logits(), labels(), floats(name, &[4], &values)]);
    let each = |value| npz(&[logits(), labels(), floats("element_weights", &[3, 4], &[value; 12])]);
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let (softmax, sigmoid) = ("--loss softmax-ce", "--loss sigmoid-ce");
    check(&[
        case("a.npz", weighed("class_weights", [1.0, 1.0, nan, 1.0]), softmax, &["class_weights at [2] is NaN"]),
        case("a.npz", weighed("class_weights", [inf, 1.0, 1.0, 1.0]), softmax, &["class_weights at [0] is inf"]),
        case(
            "a.npz",
            weighed("pos_weight", [1.0, 1.0, 1.0, -inf]),
            sigmoid,
            &["pos_weight at [3] is -inf", "at least 0"],
        ),
        case("a.npz", weighed("pos_weight", [1.0, nan, 1.0, 1.0]), sigmoid, &["pos_weight at [1] is NaN"]),
        case("a.npz", each(-1.0), sigmoid, &["element_weights at [0, 0] is -1", "at least 0"]),
        case("a.npz", each(nan), "--loss sigmoid-focal", &["element_weights at [0, 0] is NaN"]),
        case("a.npz", each(1.0), softmax, &["'element_weights' does not apply to softmax-ce"]),
        case(
            "a.npz",
            npz(&[logits(), labels(), doubles("class_weights", &[4], &[1e300; 4])]),
            softmax,
            &["'class_weights' at [0] is 1e300, which f32 does not hold"],
        ),
        case(
            "a.npz",
            npz(&[logits(), labels(), longs("class_weights", &[4], &[1; 4])]),
            softmax,
            &["'class_weights' is i64", "expected f32"],
        ),
        case(
            "a.npz",
            npz(&[logits(), labels(), floats("class_weights", &[4, 1], &[1.0; 4])]),
            softmax,
            &["'class_weights' has shape [4, 1], expected [4]"],
        ),
        case(
            "a.npz",
            npz(&[logits(), labels(), floats("upstream", &[1, 3], &[1.0; 3])]),
            "--loss softmax-focal --reduction none",
            &["'upstream' has shape [1, 3], expected [3]"],
        ),
    ]);
}
