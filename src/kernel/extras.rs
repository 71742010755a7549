//! The pieces of optional buffers, each with a stand-in where it is absent.

use super::key::Extras;
use super::pieces::*;
use crate::loss::Kind;

impl Extras {
    pub(super) fn outputs(self, kind: Kind) -> [&'static str; 4] {
        [
            if self.losses { IO_LOSSES } else { IO_ABSENT_LOSSES },
            if self.lse { IO_LSE } else { IO_ABSENT_LSE },
            if self.argmax { IO_ARGMAX } else { IO_ABSENT_ARGMAX },
            if kind.takes_probabilities() || self.correct { IO_STATUS } else { IO_ABSENT_STATUS },
        ]
    }

    /// What is told of rows beside their losses.
    pub(super) fn details(self) -> Pieces {
        if !(self.log_prob || self.entropy || self.rank) {
            return vec![ROW_DETAILS_NONE];
        }
        vec![
            if self.log_prob { IO_LOG_PROB } else { IO_ABSENT_LOG_PROB },
            if self.entropy { IO_ENTROPY } else { IO_ABSENT_ENTROPY },
            if self.rank { IO_RANK } else { IO_ABSENT_RANK },
            ROW_DETAILS_SOME,
        ]
    }

    pub(super) fn true_parts(self) -> &'static str {
        if self.true_parts { IO_TRUE_PARTS } else { IO_ABSENT_TRUE_PARTS }
    }

    pub(super) fn statistics(self) -> &'static str {
        if self.statistics { IO_STATISTICS } else { IO_ABSENT_STATISTICS }
    }

    pub(super) fn entropy_upstream(self) -> &'static str {
        if self.entropy_upstream { IO_ENTROPY_UPSTREAM } else { IO_ABSENT_ENTROPY_UPSTREAM }
    }
}
