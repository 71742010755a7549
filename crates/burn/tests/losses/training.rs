//! A language model trains by the fused loss as it does by Burn's own.

use gpu_loss_burn::CrossEntropyLossConfig;

use crate::common::{device, floats};

#[path = "../../examples/language/mod.rs"]
mod language;

use language::{Grammar, Model};

#[test]
fn a_language_model_goes_the_same_way_for_a_hundred_steps() {
    let device = device();
    device.seed(1);
    let text = Grammar::new().text(60_000);
    let untrained = Model::new(&device);
    let own = CrossEntropyLossConfig::new().init(&device);
    let burns = burn::nn::loss::CrossEntropyLossConfig::new().init(&device);
    let train = |fused: bool| {
        let mut losses = vec![];
        language::train(
            untrained.clone(),
            &text,
            100,
            &device,
            |logits, targets| if fused { own.forward(logits, targets) } else { burns.forward(logits, targets) },
            |loss| losses.extend(floats(loss)),
        );
        losses
    };
    let (fused, burns) = (train(true), train(false));
    assert!(fused[99] < 0.7 * fused[0], "it learns: {} to {}", fused[0], fused[99]);
    let apart = |at: usize| (fused[at] - burns[at]).abs() / burns[at];
    let worst = (0..100).max_by(|a, b| apart(*a).total_cmp(&apart(*b))).unwrap_or(0);
    println!("step {worst}: fused {}, Burn's own {}, {:.1e} apart", fused[worst], burns[worst], apart(worst));
    assert!(apart(worst) <= 1e-4, "step {worst}: {}, Burn's own {}", fused[worst], burns[worst]);
}
