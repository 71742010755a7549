//! What is refused, in the caller's words.

use gpu_loss::layout::Upstream;
use gpu_loss::linear::{LinearCe, LinearLayout};
use gpu_loss::{Dtype, Error, GpuLoss, Reduction, SoftmaxCe};

use super::common::{Arrays, Random};
use super::parts::device::narrow;
use super::parts::each::on_every_adapter;

#[test]
fn shapes_labels_and_options_are_named() {
    on_every_adapter(|gpu| {
        let arrays = Arrays::<f32>::new(&mut Random(8), (6, 8, 11), false, |v| v);
        let refused = |loss: &LinearCe, batch| gpu.linear_ce(loss, &batch).expect_err("has no meaning").to_string();
        let plain = LinearCe::default();
        let mut batch = arrays.batch();
        let narrow = ndarray::Array2::<f32>::zeros((11, 7));
        batch.weight = narrow.view();
        assert_eq!(refused(&plain, batch), "weight has shape [11, 7], expected [11, 8]");
        let mut batch = arrays.batch();
        let few = [1_i64, 2];
        batch.targets = (&few).into();
        assert_eq!(refused(&plain, batch), "targets has shape [2], expected [6]");
        let shares = ndarray::Array2::<f32>::zeros((6, 11));
        let mut batch = arrays.batch();
        batch.targets = (&shares).into();
        let text = refused(&plain, batch);
        assert_eq!(
            text,
            "linear_ce does not take targets in the form probabilities: it takes classes, one integer a row"
        );
        let bias = ndarray::Array1::<f32>::zeros(12);
        assert_eq!(refused(&plain, arrays.batch().bias(bias.view())), "bias has shape [12], expected [11]");
        let labels = [0_i64, 11, 3, -1, 4, 5];
        for mut batch in [arrays.batch(), arrays.batch().loss_only()] {
            batch.targets = (&labels).into();
            assert_eq!(refused(&plain, batch), "row 1: class 11 is outside 0..11 (2 such rows)");
        }
        let smoothed = SoftmaxCe::default().label_smoothing(1.5).into();
        assert_eq!(refused(&smoothed, arrays.batch()), "label_smoothing is 1.5, expected a number in [0, 1]");
        let text = refused(&plain, arrays.batch().with_log_probs());
        assert!(text.contains("log-probabilities belong to an evaluation"), "{text}");
    });
}

fn layout_error(gpu: &GpuLoss, loss: &LinearCe, layout: &LinearLayout) -> Error {
    gpu.plan_linear(loss, layout).expect_err("has no meaning")
}

#[test]
fn layouts_that_contradict_themselves_are_refused() {
    on_every_adapter(|gpu| {
        let layout = LinearLayout::new(6, 8, 11, Dtype::F32);
        let plain = LinearCe::default();
        let sum = SoftmaxCe::default().reduction(Reduction::Sum).into();
        for (loss, layout) in [
            (&plain, layout.grad_bias(true)),
            (&plain, layout.upstream(Upstream::PerLoss)),
            (&sum, layout.denominator(true)),
            (&plain, LinearLayout::new(0, 8, 11, Dtype::F32)),
            (&plain, LinearLayout::evaluation(6, 8, 11, Dtype::F32).upstream(Upstream::Scalar)),
        ] {
            assert!(matches!(layout_error(gpu, loss, &layout), Error::Layout { .. }), "{layout:?}");
        }
    });
}

/// Weights are bound slab by slab; what does not fit even so is named.
#[test]
fn what_no_binding_holds_is_refused_by_name() {
    on_every_adapter(|gpu| {
        let gpu = narrow(gpu, 1 << 16);
        let error = layout_error(&gpu, &LinearCe::default(), &LinearLayout::new(64, 768, 50_257, Dtype::F32));
        assert_eq!(
            error.to_string(),
            "the device's max_storage_buffer_binding_size is 65536, the weights of 256 classes in one binding needs 786432"
        );
        let error = layout_error(&gpu, &LinearCe::default(), &LinearLayout::new(64, 8, 50_257, Dtype::F32));
        let text = "the logits of one row of 50257 classes in one binding";
        assert!(error.to_string().contains(text), "{error}");
    });
}
