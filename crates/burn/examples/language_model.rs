//! A small transformer that learns a language: see `language/mod.rs`.
//!
//! ```sh
//! cargo run --release --example language_model -- --loss fused
//! cargo run --release --example language_model -- --loss burn
//! cargo run --release --example language_model -- --loss linear            # the last layer and the loss in one
//! cargo run --release --example language_model -- --loss both --steps 100   # do they train alike?
//! ```

mod language;
mod progress;

use burn::module::Module;
use language::{Grammar, Model, batch};
use progress::{Bar, argument};

/// Logits of a chunk behind `--loss linear`: a quarter of a batch's.
const MEMORY: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Which {
    Burn,
    Fused,
    Linear,
}

fn train(which: Which, steps: usize, every: bool) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let plain = gpu_loss_burn::device()?;
    let device = plain.clone().autodiff();
    device.seed(1);
    let mut grammar = Grammar::new();
    let (text, unseen) = (grammar.text(200_000), grammar.text(10_000));
    let own = gpu_loss_burn::CrossEntropyLossConfig::new().with_memory(MEMORY).init(&device);
    let burns = burn::nn::loss::CrossEntropyLossConfig::new().init(&device);
    let (mut bar, mut losses) = (Bar::new(steps), vec![]);
    let model = language::train(
        Model::new(&device),
        &text,
        steps,
        &device,
        |model, words, targets| match which {
            Which::Burn => burns.forward(model.forward(words), targets),
            Which::Fused => own.forward(model.forward(words), targets),
            Which::Linear => {
                let (weight, bias) = model.head();
                let loss = gpu_loss_burn::linear_cross_entropy(model.hidden(words), weight, bias, targets, &own);
                loss.unwrap_or_else(|error| panic!("{error}"))
            }
        },
        |loss| {
            if every {
                losses.push(loss.clone().into_scalar::<f32>());
            }
            bar.step(|| loss.into_scalar::<f32>());
        },
    );
    bar.finish();
    if which != Which::Burn {
        gpu_loss_burn::check(&device)?;
    }
    let model = model.valid();
    let batches = 10;
    let sum: f32 = (0..batches)
        .map(|at| {
            let (words, targets) = batch(&unseen, at, &plain);
            own.forward(model.forward(words), targets).into_scalar::<f32>()
        })
        .sum();
    println!("perplexity of unseen text: {:.1}", (sum / batches as f32).exp());
    Ok(losses)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let steps = argument("--steps").map_or(Ok(400), |steps| steps.parse())?;
    match argument("--loss").as_deref() {
        None | Some("fused") => train(Which::Fused, steps, false).map(drop),
        Some("burn") => train(Which::Burn, steps, false).map(drop),
        Some("linear") => train(Which::Linear, steps, false).map(drop),
        Some("both") => {
            let (fused, burns) = (train(Which::Fused, steps, true)?, train(Which::Burn, steps, true)?);
            let worst = fused.iter().zip(&burns).map(|(a, b)| (a - b).abs() / b).fold(0.0, f32::max);
            println!("losses of {steps} steps differ by at most {worst:.1e} of themselves");
            Ok(())
        }
        Some(other) => Err(format!("--loss {other}: expected burn, fused, linear or both").into()),
    }
}
