//! Bits: what chunks may change, and what they may not.

use gpu_loss::SoftmaxCe;
use gpu_loss::linear::LinearCe;

use super::common::{Arrays, Random};
use super::parts::each::on_every_adapter;

/// Losses and the gradient of the hidden states do not depend on the chunks; sums over rows do by their order alone.
#[test]
fn chunks_of_any_size_give_the_same_bits() {
    on_every_adapter(|gpu| {
        for dims in [(70, 16, 301), (9, 12, 40_000)] {
            let arrays = Arrays::<f32>::new(&mut Random(7), dims, true, |v| v);
            let row = 4 * dims.2.next_multiple_of(4) as u64;
            let run = |rows: u64| {
                let softmax = SoftmaxCe::default().ignore_index(-100).label_smoothing(0.1);
                let loss = LinearCe::from(softmax).memory(rows * row);
                gpu.linear_ce(&loss, &arrays.batch().with_lse()).expect("runs")
            };
            let whole = run(dims.0 as u64);
            for rows in [1, 3, 8, 33, 64] {
                let out = run(rows);
                let bits = |values: &ndarray::Array1<f32>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(out.loss.to_bits(), whole.loss.to_bits(), "{dims:?} by {rows}");
                assert_eq!(bits(&out.losses), bits(&whole.losses), "{dims:?} by {rows}");
                assert_eq!(out.lse.as_ref().map(bits), whole.lse.as_ref().map(bits), "{dims:?} by {rows}");
                assert_eq!(out.grad_hidden, whole.grad_hidden, "{dims:?} by {rows}");
                let (some, all) = (out.grad_weight.expect("wanted"), whole.grad_weight.as_ref().expect("wanted"));
                let largest = all.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
                assert!(some.iter().zip(all).all(|(a, b)| (a - b).abs() <= 1e-6 * largest), "{dims:?} by {rows}");
            }
        }
    });
}
