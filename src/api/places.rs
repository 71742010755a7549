//! Where the results of a one-call batch lie until they are read.

use crate::layout::Layout;
use crate::loss::Spec;
use crate::plan::{HostFinish, STATUS_BYTES};

/// Where each result lies in the results buffer, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places {
    pub(super) loss: u64,
    pub(super) losses: Option<u64>,
    pub(super) lse: Option<u64>,
    pub(super) argmax: Option<u64>,
    pub(super) log_prob: Option<u64>,
    pub(super) entropy: Option<u64>,
    pub(super) rank: Option<u64>,
    pub(super) grad_class_bias: Option<u64>,
    pub(super) grad: Option<u64>,
    pub(super) status: u64,
    /// Losses, or partial sums behind the results, which the host may add up.
    pub(super) values: Option<u64>,
    /// Of the results buffer, and of the staging buffer.
    pub(super) results: u64,
    pub(super) total: u64,
}

impl Places {
    pub(super) fn new(spec: &Spec, layout: &Layout, host_finish: Option<&HostFinish>, alignment: u64) -> Self {
        let rows = layout.shape.rows() as u64 * 4;
        let elements = layout.shape.elements() as u64;
        let losses = if spec.kind.per_row() { rows } else { elements * 4 };
        let mut total = 0;
        let mut slot = |wanted: bool, bytes: u64| {
            let at = total;
            if wanted {
                total = (at + bytes).next_multiple_of(alignment.max(16));
            }
            wanted.then_some(at)
        };
        let loss = slot(true, 4).unwrap_or_default();
        let losses =
            slot(layout.outputs.hands_out_losses(spec) || host_finish.is_some() && spec.kind.per_row(), losses);
        let lse = slot(layout.outputs.lse, rows);
        let argmax = slot(layout.outputs.argmax, rows);
        let log_prob = slot(layout.outputs.log_prob, rows);
        let entropy = slot(layout.outputs.entropy, rows);
        let rank = slot(layout.outputs.rank, rows);
        let grad_class_bias = slot(layout.sums_classes(), layout.shape.classes as u64 * 4);
        let grad = slot(layout.outputs.grad, layout.grad_bytes());
        let status = slot(true, STATUS_BYTES).unwrap_or_default();
        let results = total;
        let partial_sums =
            host_finish.filter(|_| !spec.kind.per_row()).map(|host_finish| host_finish.values() as u64 * 4);
        total += partial_sums.unwrap_or_default();
        let values = if partial_sums.is_some() { Some(results) } else { losses };
        Places {
            loss,
            losses,
            lse,
            argmax,
            log_prob,
            entropy,
            rank,
            grad_class_bias,
            grad,
            status,
            values,
            results,
            total,
        }
    }
}
