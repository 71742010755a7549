//! The pieces of the kernels that scan the targets: what each part finds, and what is made of all that was found.

use super::key::WideIntegers;
use super::pieces::*;
use super::targets::{weights, words};

pub(super) const MULTI_HOT: [&str; 3] = [REDUCE_FOUND, REDUCE_STORED, REDUCE_SCAN_MULTI_HOT];

pub(super) fn labels(weighted: bool, wide: bool) -> Pieces {
    let integers = WideIntegers { targets: wide, indices: false };
    let mut pieces = words(wide);
    pieces.extend([REDUCE_FOUND, REDUCE_STORED]);
    pieces.extend(integers.pieces(false));
    pieces.extend([TARGET_LABELS, weights(weighted), REDUCE_LABEL, REDUCE_SCAN_LABELS]);
    pieces
}

pub(super) fn lists(wide: WideIntegers, verdicts: bool) -> Pieces {
    let mut pieces = words(wide.any());
    pieces.extend([REDUCE_FOUND, REDUCE_STORED]);
    pieces.extend(wide.pieces(true));
    let verdicts = if verdicts { TARGET_VERDICTS } else { TARGET_ABSENT_VERDICTS };
    pieces.extend([TARGET_LISTS, verdicts, REDUCE_SCAN_LISTS]);
    pieces
}

pub(super) fn finish(denominator: bool, upstream: bool, labels: Option<bool>) -> Pieces {
    let mut pieces = vec![REDUCE_FOUND];
    match labels {
        None => pieces.push(REDUCE_STORED),
        Some(weighted) => {
            pieces.extend([TARGET_INTEGERS, TARGET_LABELS, weights(weighted), REDUCE_LABEL, REDUCE_FOUND_IN_LABELS])
        }
    }
    pieces.extend([
        IO_STATUS,
        if denominator { IO_DENOMINATOR } else { IO_ABSENT_DENOMINATOR },
        if upstream { IO_UPSTREAM_SCALAR } else { IO_ABSENT_UPSTREAM_SCALAR },
        REDUCE_MERGED,
        REDUCE_SCAN_FINISH,
    ]);
    pieces
}
