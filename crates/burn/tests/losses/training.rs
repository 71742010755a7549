//! A language model trains by the fused loss as it does by Burn's own.

use burn::tensor::{Int, Tensor};
use gpu_loss_burn::{CrossEntropyLossConfig, linear_cross_entropy};

use crate::common::{device, floats};

#[path = "../../examples/language/mod.rs"]
mod language;

use language::{Grammar, Model};

type Words = Tensor<2, Int>;
type Labels = Tensor<1, Int>;

#[test]
fn a_language_model_goes_the_same_way_for_a_hundred_steps() {
    let device = device();
    device.seed(1);
    let text = Grammar::new().text(60_000);
    let untrained = Model::new(&device);
    // The logits of a batch are 4 MB: four chunks behind a linear layer.
    let own = CrossEntropyLossConfig::new().with_memory(1 << 20).init(&device);
    let burns = burn::nn::loss::CrossEntropyLossConfig::new().init(&device);
    let train = |loss: &dyn Fn(&Model, Words, Labels) -> Tensor<1>| {
        let mut losses = vec![];
        language::train(untrained.clone(), &text, 100, &device, loss, |loss| losses.extend(floats(loss)));
        losses
    };
    let burns = train(&|model, words, targets| burns.forward(model.forward(words), targets));
    let fused = train(&|model, words, targets| own.forward(model.forward(words), targets));
    let linear = train(&|model, words, targets| {
        let (weight, bias) = model.head();
        linear_cross_entropy(model.hidden(words), weight, bias, targets, &own).expect("a loss")
    });
    assert!(burns[99] < 0.7 * burns[0], "it learns: {} to {}", burns[0], burns[99]);
    for (name, losses) in [("fused", fused), ("linear", linear)] {
        let apart = |at: usize| (losses[at] - burns[at]).abs() / burns[at];
        let worst = (0..100).max_by(|a, b| apart(*a).total_cmp(&apart(*b))).unwrap_or(0);
        println!("step {worst}: {name} {}, Burn's own {}, {:.1e} apart", losses[worst], burns[worst], apart(worst));
        assert!(apart(worst) <= 1e-4, "step {worst}: {name} {}, Burn's own {}", losses[worst], burns[worst]);
    }
}
