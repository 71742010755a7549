//! A small transformer and the language that it learns: sentences made by a grammar, over a vocabulary of 2,000 words, so
//! that most of a step is the loss.

use burn::module::Module;
use burn::nn::attention::generate_autoregressive_mask;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor};

const VOCABULARY: usize = 2_000;
const WIDTH: usize = 64;
/// Words of one sequence, and sequences of a batch.
const LENGTH: usize = 32;
const BATCH: usize = 16;

/// Two layers that look back, between two embeddings and the scores of all words.
#[derive(Module, Debug)]
pub struct Model {
    words: Embedding,
    places: Embedding,
    layers: TransformerEncoder,
    output: Linear,
}

impl Model {
    /// A model that has learned nothing.
    pub fn new(device: &Device) -> Self {
        Model {
            words: EmbeddingConfig::new(VOCABULARY, WIDTH).init(device),
            places: EmbeddingConfig::new(LENGTH, WIDTH).init(device),
            layers: TransformerEncoderConfig::new(WIDTH, 4 * WIDTH, 4, 2).with_dropout(0.0).init(device),
            output: LinearConfig::new(WIDTH, VOCABULARY).init(device),
        }
    }

    /// Logits of the word behind each of these, `[batch · length, vocabulary]`.
    pub fn forward(&self, words: Tensor<2, Int>) -> Tensor<2> {
        self.output.forward(self.hidden(words))
    }

    /// What the logits are made of, `[batch · length, width]`.
    pub fn hidden(&self, words: Tensor<2, Int>) -> Tensor<2> {
        let ([batch, length], device) = (words.dims(), words.device());
        let places = Tensor::arange(0..length as i64, &device).unsqueeze::<2>();
        let x = self.words.forward(words) + self.places.forward(places);
        let mask = generate_autoregressive_mask(batch, length, &device);
        let x = self.layers.forward(TransformerEncoderInput::new(x).mask_attn(mask));
        x.reshape([batch * length, WIDTH])
    }

    /// The layer that makes the logits: its weights and bias.
    pub fn head(&self) -> (Tensor<2>, Option<Tensor<1>>) {
        (self.output.weight.val(), self.output.bias.as_ref().map(|bias| bias.val()))
    }
}

/// A language: every noun has its adjectives and verbs, and sentences end.
pub struct Grammar(u64);

impl Grammar {
    /// The same sentences in every run.
    pub fn new() -> Self {
        Grammar(0x9E37_79B9_7F4A_7C15)
    }

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

    /// At least so many words.
    pub fn text(&mut self, words: usize) -> Vec<i32> {
        let mut text = vec![];
        while text.len() < words {
            self.sentence(&mut text);
        }
        text
    }
}

/// A batch that begins here: words, and those behind them.
pub fn batch(text: &[i32], at: usize, device: &Device) -> (Tensor<2, Int>, Tensor<1, Int>) {
    let size = BATCH * LENGTH;
    let first = at * size % (text.len() - size - 1);
    let ints = |words: &[i32]| Tensor::<1, Int>::from_ints(words, device);
    (ints(&text[first..first + size]).reshape([BATCH, LENGTH]), ints(&text[first + 1..first + size + 1]))
}

/// Trains a model on a text by any loss of model, words and targets, and shows what each step's loss was, which still lies on the device.
pub fn train(
    mut model: Model,
    text: &[i32],
    steps: usize,
    device: &Device,
    loss: impl Fn(&Model, Tensor<2, Int>, Tensor<1, Int>) -> Tensor<1>,
    mut show: impl FnMut(Tensor<1>),
) -> Model {
    let mut optimizer = AdamConfig::new().init();
    for step in 0..steps {
        let (words, targets) = batch(text, step, device);
        let loss = loss(&model, words, targets);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(1e-3, model, grads);
        show(loss);
    }
    model
}
