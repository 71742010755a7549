//! Targets.

use crate::check::{case, check, logits};
use crate::common::{Array, bytes, doubles, floats, longs, npy, npz, npz_of};

#[test]
fn targets_that_do_not_fit_the_scores() {
    let with = |targets: Array| npz(&[logits(), targets]);
    let lists = |offsets: &[i64], indices: &[i64]| {
        let offsets = longs("target_offsets", &[offsets.len()], offsets);
        npz(&[logits(), offsets, longs("target_indices", &[indices.len()], indices)])
    };
    let softmax = "--loss softmax-ce";
    check(&[
        case("a.npz", with(longs("targets", &[3], &[0, 7, -3])), softmax, &["a.npz", "row 1: class 7", "0..4", "2"]),
        case("a.npz", with(longs("targets", &[3], &[0, 1, -100])), softmax, &["row 2: class -100"]),
        case(
            "a.npz",
            with(longs("targets", &[3], &[0, 4, -1])),
            "--loss sigmoid-ce --ignore-index -1",
            &["row 1: class 4"],
        ),
        case("a.npz", with(longs("targets", &[4], &[0; 4])), softmax, &["'targets' is i64 [4]", "integers [3]"]),
        case(
            "a.npz",
            with(longs("targets", &[3, 4], &[2; 12])),
            softmax,
            &["'targets' is i64 [3, 4]", "it is 2", "0 or 1"],
        ),
        case("a.npz", with(floats("targets", &[3], &[0.0; 3])), softmax, &["'targets' is f32 [3]", "floats [3, 4]"]),
        case(
            "a.npz",
            with(bytes("targets", &[4, 3], &[0; 12])),
            softmax,
            &["'targets' is u8 [4, 3]", "[3, 4] (multi-hot)"],
        ),
        case("a.npz", with(bytes("targets", &[3, 4], &[2; 12])), softmax, &["targets at [0, 0] is 2", "0 or 1"]),
        case("a.npz", with(bytes("targets", &[3, 4], &[1; 12])), "--loss softmax-focal", &["softmax_focal", "classes"]),
        case(
            "a.npz",
            with(floats("targets", &[3, 4], &[1.5; 12])),
            "--loss sigmoid-ce",
            &["targets at [0, 0] is 1.5", "[0, 1]"],
        ),
        case("a.npz", lists(&[0, 2, 2, 3], &[2, 1, 0]), softmax, &["row 0: class 1 follows class 2"]),
        case("a.npz", lists(&[0, 1, 2, 3], &[2, 4, 0]), softmax, &["row 1: class 4 is outside 0..4"]),
        case("a.npz", lists(&[0, 2, 2, 9], &[0, 1, 2]), softmax, &["row 2", "9, past the 3 indices"]),
        case("a.npz", lists(&[0, 2, 1, 3], &[0, 1, 2]), softmax, &["row 1", "from 2 to 1"]),
        case("a.npz", lists(&[0, 1, 2], &[0, 1]), softmax, &["target_offsets", "[3]", "[4]"]),
        case("a.npz", lists(&[0, 1, 2, 2], &[0, 1, 2]), softmax, &["last offset is 2", "3"]),
        case(
            "a.npz",
            npz(&[logits(), longs("target_offsets", &[4], &[0; 4])]),
            softmax,
            &["no tensor 'target_indices'"],
        ),
    ]);
}

#[test]
fn labels_at_the_edges_of_their_types() {
    let with = |descr: &str, bytes: &[u8]| {
        let scores = npy("'<f4'", "False", "(3, 4)", &[0; 48]);
        npz_of(&[("logits", scores), ("targets", npy(descr, "False", "(3,)", bytes))])
    };
    let longs = |labels: [i64; 3]| with("'<i8'", &labels.map(i64::to_le_bytes).concat());
    let softmax = "--loss softmax-ce";
    let ignoring = "--loss softmax-ce --ignore-index -100";
    check(&[
        case("a.npz", longs([0, i64::MIN, 1]), softmax, &["row 1: class -9223372036854775808 is outside 0..4"]),
        case("a.npz", longs([0, 1, i64::MAX]), softmax, &["row 2: class 9223372036854775807 is outside 0..4"]),
        case("a.npz", longs([4, 1, 2]), softmax, &["row 0: class 4 is outside 0..4 (1 such rows)"]),
        case("a.npz", longs([0, 1 << 32, 1]), softmax, &["row 1: class 4294967296"]),
        case("a.npz", longs([-1, -100, -1]), ignoring, &["row 0: class -1 is outside 0..4 (2 such rows)"]),
        case("a.npz", longs([0, 0, 9]), "--loss sigmoid-focal", &["row 2: class 9"]),
        case("a.npz", longs([0, 0, -9]), "--loss softmax-focal --reduction none", &["row 2: class -9"]),
        case("a.npz", with("'|i1'", &[0, 0xff, 0]), softmax, &["row 1: class -1"]),
        case("a.npz", with("'|u1'", &[0, 0xff, 0]), softmax, &["row 1: class 255"]),
        case("a.npz", with("'>i2'", &[0, 0, 0x80, 0, 0, 0]), softmax, &["row 1: class -32768"]),
        case(
            "a.npz",
            with("'<u8'", &[0xff; 24]),
            softmax,
            &["'targets' at [0] is 18446744073709551615", "64-bit signed"],
        ),
        case("a.npz", with("'<f8'", &[0; 24]), softmax, &["'targets' is f64 [3]", "integers [3]"]),
        case("a.npz", with("'|b1'", &[0, 1, 0]), softmax, &["'targets' is bool [3]", "integers [3]"]),
    ]);
}

#[test]
fn targets_of_a_wrong_shape_or_value() {
    let with = |targets: Array| npz(&[logits(), targets]);
    let spatial = |targets: Array| npz(&[floats("logits", &[2, 3, 2, 2], &[0.0; 24]), targets]);
    let softmax = "--loss softmax-ce";
    let sigmoid = "--loss sigmoid-ce";
    let mut uneven = [0.0; 12];
    uneven[7] = f32::NAN;
    check(&[
        case("a.npz", with(longs("targets", &[3, 1], &[7; 3])), softmax, &["row 0: class 7 is outside 0..4 (3"]),
        case("a.npz", with(longs("targets", &[1, 3], &[0; 3])), softmax, &["'targets' is i64 [1, 3]"]),
        case("a.npz", with(longs("targets", &[], &[0])), softmax, &["'targets' is i64 []"]),
        case("a.npz", with(longs("targets", &[0], &[])), softmax, &["'targets' is i64 [0]"]),
        case("a.npz", spatial(longs("targets", &[2, 2], &[0; 4])), softmax, &["'targets' is i64 [2, 2]", "[2, 2, 2]"]),
        case("a.npz", spatial(longs("targets", &[2, 2, 2], &[3; 8])), softmax, &["row 0: class 3 is outside 0..3 (8"]),
        case("a.npz", with(floats("targets", &[3, 4], &uneven)), sigmoid, &["targets at [1, 3] is NaN", "[0, 1]"]),
        case("a.npz", with(floats("targets", &[3, 4], &[f32::INFINITY; 12])), sigmoid, &["targets at [0, 0] is inf"]),
        case("a.npz", with(doubles("targets", &[3, 4], &[-1e-9; 12])), sigmoid, &["targets at [0, 0] is -0.00000000"]),
        case(
            "a.npz",
            with(bytes("targets", &[3, 4], &[254; 12])),
            sigmoid,
            &["targets at [0, 0] is 254", "0, 1, or 255"],
        ),
        case(
            "a.npz",
            with(floats("targets", &[3, 4], &[0.5; 12])),
            "--loss softmax-ce --ignore-index 0",
            &["ignore_index", "probabilities"],
        ),
    ]);
}

#[test]
fn lists_that_lead_astray() {
    let lists = |offsets: &[i64], indices: &[i64]| {
        let offsets = longs("target_offsets", &[offsets.len()], offsets);
        npz(&[logits(), offsets, longs("target_indices", &[indices.len()], indices)])
    };
    let softmax = "--loss softmax-ce";
    let twice = npz(&[
        logits(),
        longs("targets", &[3], &[0; 3]),
        longs("target_offsets", &[4], &[0; 4]),
        longs("target_indices", &[0], &[]),
    ]);
    check(&[
        case("a.npz", lists(&[1, 1, 2, 3], &[0, 1, 2]), softmax, &["row 0: the first offset is 1, expected 0"]),
        case("a.npz", lists(&[-1, 0, 2, 3], &[0, 1, 2]), softmax, &["row 0: the first offset is -1"]),
        case("a.npz", lists(&[0, i64::MAX, 2, 3], &[0, 1, 2]), softmax, &["row 0", "9223372036854775807, past the 3"]),
        case("a.npz", lists(&[0, i64::MIN, 2, 3], &[0, 1, 2]), softmax, &["row 0", "from 0 to -9223372036854775808"]),
        case("a.npz", lists(&[0, 1, 2, 3], &[0, i64::MIN, 2]), softmax, &["row 1: class -9223372036854775808"]),
        case("a.npz", lists(&[0, 2, 2, 3], &[1, 1, 2]), softmax, &["row 0: class 1 follows class 1"]),
        case("a.npz", lists(&[], &[]), softmax, &["target_offsets", "[0]", "[4]"]),
        case("a.npz", twice, softmax, &["both 'targets' and 'target_offsets'"]),
        case(
            "a.npz",
            npz(&[logits(), floats("target_offsets", &[4], &[0.0; 4]), longs("target_indices", &[0], &[])]),
            softmax,
            &["'target_offsets' is f32 [4]", "integers of one dimension"],
        ),
        case("a.npz", lists(&[0, 0, 0, 0], &[]), "--loss softmax-focal", &["softmax_focal does not take lists"]),
    ]);
}
