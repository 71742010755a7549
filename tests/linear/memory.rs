//! Device bytes beside inputs and results, from the sum of all buffers that a plan has.

use gpu_loss::Dtype;
use gpu_loss::linear::{LinearCe, LinearLayout};

use super::parts::each::on_every_adapter;

/// Bytes a row that a plan may have beside the logits of a chunk: labels, losses, statistics and the like.
const A_ROW: u64 = 256;
/// And in all: parameters and smallest buffers.
const BESIDE: u64 = 1 << 20;

#[test]
fn a_head_of_gpt_2_takes_its_budget_and_little_beside() {
    on_every_adapter(|gpu| {
        let layout = LinearLayout::new(2048, 768, 50_257, Dtype::F32);
        let plan = gpu.plan_linear(&LinearCe::default().memory_mib(128), &layout).expect("a plan");
        // The logits of all rows are 412 MB, and their gradient as much again.
        assert!(plan.scratch_bytes() <= (128 << 20) + 2048 * A_ROW + BESIDE, "{} bytes", plan.scratch_bytes());
        assert!(plan.chunk_rows() >= 512, "{} rows", plan.chunk_rows());
    });
}

#[test]
fn a_head_of_llama_3_takes_half_a_gigabyte_where_8_were_needed() {
    on_every_adapter(|gpu| {
        let layout = LinearLayout::new(8192, 4096, 128_256, Dtype::Bf16);
        let plan = gpu.plan_linear(&LinearCe::default(), &layout).expect("a plan");
        assert!(plan.scratch_bytes() <= 525_000_000, "{} bytes", plan.scratch_bytes());
        // Where a binding spans no more than 128 MiB, the logits of 261 rows do.
        assert!(plan.chunk_rows() >= 256, "{} rows", plan.chunk_rows());
    });
}

#[test]
fn an_evaluation_keeps_no_logits() {
    on_every_adapter(|gpu| {
        let layout = LinearLayout::evaluation(2048, 768, 50_257, Dtype::F32).log_probs(true).argmax(true);
        let plan = gpu.plan_linear(&LinearCe::default(), &layout).expect("a plan");
        // 412 MB of logits; each strip of the vocabulary leaves 32 bytes a row.
        assert_eq!(plan.chunk_rows(), 0);
        assert!(plan.scratch_bytes() <= 2048 * 32 * 256 + 2048 * A_ROW + BESIDE, "{} bytes", plan.scratch_bytes());
    });
}
