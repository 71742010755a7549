//! A small transformer that learns a language: sentences made by a grammar, over a vocabulary of 2,000 words, so that most
//! of a step is the loss.
//!
//! ```sh
//! cargo run --release --example language_model -- --loss fused
//! cargo run --release --example language_model -- --loss burn
//! cargo run --release --example language_model -- --loss both --steps 100   # do they train alike?
//! ```

mod progress;

use burn::module::Module;
use burn::nn::attention::generate_autoregressive_mask;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor};
use progress::{Bar, argument};

const VOCABULARY: usize = 2_000;
const WIDTH: usize = 64;
/// Words of one sequence, and sequences of a batch.
const LENGTH: usize = 32;
const BATCH: usize = 16;

#[derive(Module, Debug)]
struct Model {
    words: Embedding,
    places: Embedding,
    layers: TransformerEncoder,
    output: Linear,
}

impl Model {
    fn new(device: &Device) -> Self {
        Model {
            words: EmbeddingConfig::new(VOCABULARY, WIDTH).init(device),
            places: EmbeddingConfig::new(LENGTH, WIDTH).init(device),
            layers: TransformerEncoderConfig::new(WIDTH, 4 * WIDTH, 4, 2).with_dropout(0.0).init(device),
            output: LinearConfig::new(WIDTH, VOCABULARY).init(device),
        }
    }

    /// Logits of the word behind each of these, `[batch · length, vocabulary]`.
    fn forward(&self, words: Tensor<2, Int>) -> Tensor<2> {
        let ([batch, length], device) = (words.dims(), words.device());
        let places = Tensor::arange(0..length as i64, &device).unsqueeze::<2>();
        let x = self.words.forward(words) + self.places.forward(places);
        let mask = generate_autoregressive_mask(batch, length, &device);
        let x = self.layers.forward(TransformerEncoderInput::new(x).mask_attn(mask));
        self.output.forward(x.reshape([batch * length, WIDTH]))
    }
}

/// A language: every noun has its adjectives and verbs, and sentences end.
struct Grammar(u64);

impl Grammar {
    fn below(&mut self, end: i32) -> i32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) % end as u64) as i32
    }

    /// Words: 0 is the full stop, 1 "the"; then 1,000 nouns, 500 adjectives, 498 verbs.
    fn sentence(&mut self, text: &mut Vec<i32>) {
        // Few nouns are said often, as in any language.
        let among = 1 + self.below(40);
        let noun = self.below(25 * among);
        text.push(1);
        if self.below(2) == 0 {
            text.push(1_002 + (noun * 7 + self.below(3)) % 500);
        }
        text.push(2 + noun);
        let verb = (noun * 11 + self.below(4)) % 498;
        text.push(1_502 + verb);
        text.extend([1, 2 + (verb * 5 + self.below(6)) % 1_000, 0]);
    }

    fn text(&mut self, words: usize) -> Vec<i32> {
        let mut text = vec![];
        while text.len() < words {
            self.sentence(&mut text);
        }
        text
    }
}

/// A batch that begins here: words, and those behind them.
fn batch(text: &[i32], at: usize, device: &Device) -> (Tensor<2, Int>, Tensor<1, Int>) {
    let size = BATCH * LENGTH;
    let first = at * size % (text.len() - size - 1);
    let ints = |words: &[i32]| Tensor::<1, Int>::from_ints(words, device);
    (ints(&text[first..first + size]).reshape([BATCH, LENGTH]), ints(&text[first + 1..first + size + 1]))
}

fn train(fused: bool, steps: usize, every: bool) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let plain = gpu_loss_burn::device()?;
    let device = plain.clone().autodiff();
    device.seed(1);
    let mut grammar = Grammar(0x9E37_79B9_7F4A_7C15);
    let (text, unseen) = (grammar.text(200_000), grammar.text(10_000));
    let own = gpu_loss_burn::CrossEntropyLossConfig::new().init(&device);
    let burns = burn::nn::loss::CrossEntropyLossConfig::new().init(&device);
    let mut model = Model::new(&device);
    let mut optimizer = AdamConfig::new().init();
    let (mut bar, mut losses) = (Bar::new(steps), vec![]);
    for step in 0..steps {
        let (words, targets) = batch(&text, step, &device);
        let logits = model.forward(words);
        let loss = if fused { own.forward(logits, targets) } else { burns.forward(logits, targets) };
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(1e-3, model, grads);
        if every {
            losses.push(loss.clone().into_scalar::<f32>());
        }
        bar.step(|| loss.into_scalar::<f32>());
    }
    bar.finish();
    if fused {
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
        None | Some("fused") => train(true, steps, false).map(drop),
        Some("burn") => train(false, steps, false).map(drop),
        Some("both") => {
            let (fused, burns) = (train(true, steps, true)?, train(false, steps, true)?);
            let worst = fused.iter().zip(&burns).map(|(a, b)| (a - b).abs() / b).fold(0.0, f32::max);
            println!("losses of {steps} steps differ by at most {worst:.1e} of themselves");
            Ok(())
        }
        Some(other) => Err(format!("--loss {other}: expected burn, fused or both").into()),
    }
}
