//! PyTorch's results, in float64.

use gpu_loss::SoftmaxCe;
use gpu_loss::linear::{LinearBatch, LinearCe};
use gpu_loss::reference::run_linear;
use ndarray::{Array1, Array2};
use safetensors::SafeTensors;

use super::common::near;
use super::parts::each::on_every_adapter;

fn floats(file: &SafeTensors<'_>, name: &str) -> Option<Vec<f32>> {
    let view = file.tensor(name).ok()?;
    Some(view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn doubles(file: &SafeTensors<'_>, name: &str) -> Option<Vec<f64>> {
    let view = file.tensor(name).ok()?;
    Some(view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
}

fn matrix(file: &SafeTensors<'_>, name: &str) -> Array2<f32> {
    let shape = file.tensor(name).expect(name).shape().to_vec();
    Array2::from_shape_vec((shape[0], shape[1]), floats(file, name).expect(name)).expect("its shape")
}

/// A result against PyTorch's, each number within its own bound, or (the reference) nearly exact.
fn held(expected: &SafeTensors<'_>, name: &str, got: impl IntoIterator<Item = f64>, exact: bool) {
    let Some(want) = doubles(expected, name) else { return };
    let bounds = doubles(expected, &format!("{name}__atol")).expect("bounds");
    for (at, ((got, want), bound)) in got.into_iter().zip(&want).zip(&bounds).enumerate() {
        let bound = if exact { 1e-7 * want.abs() + 1e-9 } else { *bound };
        near(&format!("{name} {at}"), [got], [want], |_| bound);
    }
}

#[test]
fn reference_and_kernels_are_pytorch() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/linear");
    for name in ["linear_6x8x11", "linear_17x12x40"] {
        let read = |name: String| std::fs::read(folder.join(name)).expect("a vector");
        let (input, expected) = (read(format!("{name}.safetensors")), read(format!("{name}.expected.safetensors")));
        let (_, metadata) = SafeTensors::read_metadata(&input).expect("metadata");
        let text = &metadata.metadata().as_ref().expect("metadata")["options"];
        let options: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let input = SafeTensors::deserialize(&input).expect("safetensors");
        let expected = SafeTensors::deserialize(&expected).expect("safetensors");
        let (hidden, weight) = (matrix(&input, "hidden"), matrix(&input, "weight"));
        let bias = floats(&input, "bias").map(Array1::from_vec);
        let targets = input.tensor("targets").expect("targets");
        let labels: Vec<i64> = targets.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
        let smoothing = options.get("label_smoothing").and_then(serde_json::Value::as_f64).unwrap_or_default();
        let loss = LinearCe::from(SoftmaxCe::default().label_smoothing(smoothing as f32));
        let mut batch = LinearBatch::new(hidden.view(), weight.view(), &labels);
        batch.bias = bias.as_ref().map(|array| array.view());
        let want = run_linear(&loss, &batch).expect("a batch with a meaning");
        held(&expected, "loss", [want.loss], true);
        held(&expected, "grad_hidden", want.grad_hidden.iter().copied(), true);
        held(&expected, "grad_weight", want.grad_weight.iter().copied(), true);
        held(&expected, "grad_bias", want.grad_bias.iter().copied(), true);
        on_every_adapter(|gpu| {
            for rows in [1, 4, 1000] {
                let loss = loss.clone().memory(rows * 4 * weight.nrows().next_multiple_of(4) as u64);
                let out = gpu.linear_ce(&loss, &batch).expect("runs");
                let wide = |v: &f32| f64::from(*v);
                held(&expected, "loss", [f64::from(out.loss)], false);
                held(&expected, "grad_hidden", out.grad_hidden.expect("wanted").iter().map(wide), false);
                held(&expected, "grad_weight", out.grad_weight.expect("wanted").iter().map(wide), false);
                held(&expected, "grad_bias", out.grad_bias.iter().flatten().map(wide), false);
            }
        });
    }
}
