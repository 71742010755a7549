//! A network with one hidden layer, on the processor. What it learns from, the gradient of the scores, comes from
//! outside.

use ndarray::{Array, Array1, Array2, ArrayView2, Axis, Dimension, Zip};

use super::random::Random;

/// Units of the hidden layer.
const HIDDEN: usize = 64;
/// Adam's step, and how slowly it forgets.
const RATE: f32 = 3e-3;
const FORGET_MEAN: f32 = 0.9;
const FORGET_SQUARE: f32 = 0.999;

/// `scores = relu(x·W₁ + b₁)·W₂ + b₂`.
#[derive(Debug, Clone)]
pub(super) struct Network {
    hidden: Layer,
    output: Layer,
    steps: i32,
}

impl Network {
    pub(super) fn new(inputs: usize, outputs: usize, random: &mut Random) -> Self {
        Network { hidden: Layer::new(inputs, HIDDEN, random), output: Layer::new(HIDDEN, outputs, random), steps: 0 }
    }

    /// What the hidden layer makes of the inputs, a row each.
    pub(super) fn activations(&self, inputs: &ArrayView2<'_, f32>) -> Array2<f32> {
        self.hidden.forward(inputs).mapv_into(|v| v.max(0.0))
    }

    /// The scores of these activations.
    pub(super) fn scores(&self, activations: &Array2<f32>) -> Array2<f32> {
        self.output.forward(&activations.view())
    }

    /// One step of Adam down the gradient of the scores.
    pub(super) fn learn(&mut self, inputs: &ArrayView2<'_, f32>, activations: &Array2<f32>, grad: &Array2<f32>) {
        let mut behind = grad.dot(&self.output.weights.value.t());
        // The slope of relu.
        Zip::from(&mut behind).and(activations).for_each(|g, a| {
            if *a <= 0.0 {
                *g = 0.0;
            }
        });
        self.steps += 1;
        let unbiased = (1.0 - FORGET_SQUARE.powi(self.steps)).sqrt() / (1.0 - FORGET_MEAN.powi(self.steps));
        self.output.learn(&activations.view(), grad, RATE * unbiased);
        self.hidden.learn(inputs, &behind, RATE * unbiased);
    }
}

#[derive(Debug, Clone)]
struct Layer {
    weights: Parameter<ndarray::Ix2>,
    bias: Parameter<ndarray::Ix1>,
}

impl Layer {
    fn new(inputs: usize, outputs: usize, random: &mut Random) -> Self {
        let deviation = (2.0 / inputs as f32).sqrt();
        let weights = Array2::from_shape_simple_fn((inputs, outputs), || deviation * random.normal());
        Layer { weights: Parameter::new(weights), bias: Parameter::new(Array1::zeros(outputs)) }
    }

    fn forward(&self, inputs: &ArrayView2<'_, f32>) -> Array2<f32> {
        inputs.dot(&self.weights.value) + &self.bias.value
    }

    fn learn(&mut self, inputs: &ArrayView2<'_, f32>, grad: &Array2<f32>, rate: f32) {
        self.weights.step(&inputs.t().dot(grad), rate);
        self.bias.step(&grad.sum_axis(Axis(0)), rate);
    }
}

/// Numbers that are learned, with Adam's running mean and mean square of their gradient.
#[derive(Debug, Clone)]
struct Parameter<D: Dimension> {
    value: Array<f32, D>,
    mean: Array<f32, D>,
    square: Array<f32, D>,
}

impl<D: Dimension> Parameter<D> {
    fn new(value: Array<f32, D>) -> Self {
        let zeros = Array::zeros(value.raw_dim());
        Parameter { value, mean: zeros.clone(), square: zeros }
    }

    fn step(&mut self, grad: &Array<f32, D>, rate: f32) {
        Zip::from(&mut self.value).and(&mut self.mean).and(&mut self.square).and(grad).for_each(|v, m, s, g| {
            *m = FORGET_MEAN * *m + (1.0 - FORGET_MEAN) * g;
            *s = FORGET_SQUARE * *s + (1.0 - FORGET_SQUARE) * g * g;
            *v -= rate * *m / (s.sqrt() + 1e-8);
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_network_learns_what_no_straight_line_parts() {
        let inputs = ndarray::array![[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        let wanted = ndarray::array![[0.0_f32], [1.0], [1.0], [0.0]];
        let mut network = Network::new(2, 1, &mut Random::new(3));
        let mut difference = Array2::zeros((4, 1));
        for _ in 0..500 {
            let activations = network.activations(&inputs.view());
            difference = network.scores(&activations) - &wanted;
            network.learn(&inputs.view(), &activations, &difference);
        }
        assert!(difference.iter().all(|d| d.abs() < 0.05), "still off by {difference}");
    }
}
