//! Options.

use crate::check::{case, check, good};

#[test]
fn options_out_of_range_or_of_another_loss() {
    let refused = |args, words: &[&'static str]| case("a.npz", good(), args, words);
    check(&[
        refused("--loss softmax-ce --label-smoothing=-0.1", &["--label-smoothing is -0.1", "[0, 1]"]),
        refused("--loss softmax-ce --label-smoothing -0.1", &["--label-smoothing is -0.1", "[0, 1]"]),
        refused("--loss softmax-ce --label-smoothing 1.5", &["--label-smoothing is 1.5"]),
        refused("--loss softmax-ce --label-smoothing nan", &["--label-smoothing is NaN"]),
        refused("--loss softmax-ce --label-smoothing some", &["some", "--label-smoothing"]),
        refused("--loss softmax-ce --z-loss=-1e-3", &["--z-loss is -0.001"]),
        refused("--loss softmax-ce --z-loss NaN", &["--z-loss is NaN"]),
        refused("--loss softmax-ce --softcap 0", &["--softcap is 0", "above 0"]),
        refused("--loss softmax-ce --softcap -inf", &["--softcap is -inf"]),
        refused("--loss softmax-ce --logit-scale nan", &["--logit-scale is NaN"]),
        refused("--loss softmax-focal --gamma -1", &["--gamma is -1"]),
        refused("--loss sigmoid-focal --alpha 1.25", &["--alpha is 1.25"]),
        refused("--loss sigmoid-focal --alpha nan", &["--alpha is NaN"]),
        refused("--loss softmax-ce --denominator 0", &["--denominator is 0", "above 0"]),
        refused("--loss softmax-ce --denominator -3", &["--denominator is -3"]),
        refused("--loss softmax-ce --denominator 3 --reduction sum", &["--denominator", "sum", "mean"]),
        refused("--loss sotmax-ce", &["sotmax-ce", "'softmax-ce'"]),
        refused("--loss softmax-ce --label-smothing 0.1", &["--label-smothing", "'--label-smoothing'"]),
        refused("--loss softmax-ce --temperature 2", &["--temperature"]),
        refused("--loss softmax-ce --gamma 2", &["--gamma does not apply to --loss softmax-ce", "softmax-focal"]),
        refused("--loss sigmoid-ce --label-smoothing 0.1", &["--label-smoothing does not apply to --loss sigmoid-ce"]),
        refused("--loss softmax-ce --reduction average", &["average", "batch-mean"]),
    ]);
}

#[test]
fn numbers_that_are_none_or_too_large() {
    let refused = |args, words: &[&'static str]| case("a.npz", good(), args, words);
    check(&[
        refused("--loss softmax-ce --label-smoothing inf", &["--label-smoothing is inf", "[0, 1]"]),
        refused("--loss softmax-ce --label-smoothing 1.0000001", &["--label-smoothing is 1.0000001"]),
        refused("--loss softmax-ce --z-loss inf", &["--z-loss is inf", "finite"]),
        refused("--loss softmax-ce --z-loss 1e39", &["1e39", "--z-loss", "f32 cannot hold it"]),
        refused("--loss softmax-ce --softcap inf", &["--softcap is inf", "finite"]),
        refused("--loss softmax-ce --softcap -0", &["--softcap is -0", "above 0"]),
        refused("--loss softmax-ce --softcap nan", &["--softcap is NaN"]),
        refused("--loss softmax-ce --softcap 1e-50", &["1e-50", "--softcap", "f32 cannot hold it"]),
        refused("--loss softmax-ce --logit-scale 0", &["--logit-scale is 0", "above 0"]),
        refused("--loss softmax-ce --logit-scale=-0.0", &["--logit-scale is -0"]),
        refused("--loss softmax-focal --logit-scale inf", &["--logit-scale is inf"]),
        refused("--loss softmax-focal --gamma=-1", &["--gamma is -1", "at least 0"]),
        refused("--loss sigmoid-focal --gamma inf", &["--gamma is inf"]),
        refused("--loss sigmoid-focal --gamma nan", &["--gamma is NaN"]),
        refused("--loss sigmoid-focal --alpha=-0.1", &["--alpha is -0.1", "[0, 1]"]),
        refused("--loss sigmoid-focal --alpha inf", &["--alpha is inf"]),
        refused("--loss softmax-ce --denominator inf", &["--denominator is inf", "finite"]),
        refused("--loss softmax-ce --denominator nan", &["--denominator is NaN"]),
        refused("--loss softmax-ce --denominator -0", &["--denominator is -0", "above 0"]),
        refused("--loss softmax-ce --denominator 1e-46", &["1e-46", "--denominator", "f32 cannot hold it"]),
        refused("--loss softmax-ce --ignore-index 1e3", &["1e3", "--ignore-index"]),
        refused("--loss softmax-ce --ignore-index 9223372036854775808", &["9223372036854775808", "--ignore-index"]),
        refused("--loss softmax-ce --ignore-index nan", &["nan", "--ignore-index"]),
        refused("--loss softmax-focal --gamma=", &["--gamma"]),
        refused("--loss softmax-focal --gamma 0x2", &["0x2", "--gamma"]),
        refused("--loss softmax-focal --gamma 1,5", &["1,5", "--gamma"]),
        refused("--loss softmax-focal --gamma 1 --gamma 2", &["--gamma", "multiple"]),
        refused("--loss softmax-ce --loss ce", &["--loss", "multiple"]),
        refused("--loss softmax-ce b.npz", &["b.npz"]),
        refused("--loss softmax-ce --strategy fast", &["fast", "thread-row"]),
    ]);
}
