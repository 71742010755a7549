//! An evaluation against the way in two steps: logits first, then their loss.

use gpu_loss::linear::LinearCe;
use gpu_loss::{Batch, Reduction, SoftmaxCe};

use super::common::{Arrays, Random};
use super::parts::each::on_every_adapter;

/// GPT-2's vocabulary, a few rows of it.
#[test]
fn log_probabilities_are_those_of_two_steps() {
    on_every_adapter(|gpu| {
        for softmax in [SoftmaxCe::default(), SoftmaxCe::default().softcap(3.0), SoftmaxCe::default().logit_scale(0.5)]
        {
            let softmax = softmax.reduction(Reduction::None).ignore_index(-100);
            let arrays = Arrays::<f32>::new(&mut Random(21), (5, 48, 50_257), true, |v| v);
            let logits = arrays.hidden.dot(&arrays.weight.t());
            let two_steps = gpu.run(&softmax, &Batch::new(&logits, &arrays.labels).loss_only()).expect("runs");
            let two_steps = two_steps.losses.expect("not reduced");
            let loss = LinearCe::from(softmax);
            let out = gpu.linear_ce(&loss, &arrays.batch().loss_only().with_log_probs()).expect("runs");
            let log_probs = out.log_probs.expect("wanted");
            for (row, (got, want)) in log_probs.iter().zip(&two_steps).enumerate() {
                assert!((got + want).abs() <= 1e-5, "row {row}: {got}, expected {}", -want);
            }
            assert_eq!(log_probs.len(), two_steps.len());
            assert!(log_probs.iter().filter(|value| **value < -1.0).count() == 4, "{log_probs}");
        }
    });
}
