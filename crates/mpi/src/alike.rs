//! What ranks must have alike, number by number, so that a message can name what differs.

use gpu_loss::batch::{Outputs, TargetForm};
use gpu_loss::layout::Upstream;
use gpu_loss::loss::EmptyMean;
use gpu_loss::{Dtype, Layout, Reduction, Shape, SoftmaxCe};

/// Something that all ranks must have alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) what: &'static str,
    pub(crate) value: u64,
    /// How a message writes it.
    pub(crate) show: fn(u64) -> String,
}

/// Of a loss and a layout.
pub(crate) fn items(loss: &SoftmaxCe, layout: &Layout) -> Vec<Item> {
    let mut items = of_layout(loss, layout);
    items.extend(of_loss(loss));
    // Compared last, and so for options alone that have no item of their own.
    let whole = fingerprint(format!("{loss:?}").bytes().map(u32::from));
    items.push(item("the fingerprint of the loss's options", whole, fingerprinted));
    items
}

fn of_layout(loss: &SoftmaxCe, layout: &Layout) -> Vec<Item> {
    let Shape { n, inner, .. } = layout.shape;
    let Outputs { argmax, correct, entropy, .. } = layout.outputs;
    let entropies = entropy || layout.entropy_upstream || loss.entropy_coefficient != 0.0;
    vec![
        item("N, the first dimension of the scores,", n as u64, |n| n.to_string()),
        item("the product of the dimensions behind the classes", inner as u64, |n| n.to_string()),
        item("the type of the scores", place(Dtype::ALL, layout.dtype), |at| shown(Dtype::ALL, at)),
        item("the form of the targets", place(TargetForm::ALL, layout.targets), |at| shown(TargetForm::ALL, at)),
        item("whether arg-maxima or correct rows are wanted", (argmax || correct).into(), switch),
        item("whether correct rows are wanted", correct.into(), switch),
        item("whether entropies are wanted", entropies.into(), switch),
        item("whether a gradient arrives at the entropies", layout.entropy_upstream.into(), switch),
        item("the gradient that arrives", place(&UPSTREAMS, layout.upstream), |at| shown(&UPSTREAMS, at)),
        item("whether the denominator is in a buffer", layout.denominator.into(), switch),
    ]
}

fn of_loss(loss: &SoftmaxCe) -> Vec<Item> {
    vec![
        item("reduction", place(&REDUCTIONS, loss.reduction), |at| shown(&REDUCTIONS, at)),
        item("denominator", bits(loss.denominator), number),
        item("empty_mean", u64::from(loss.empty_mean == EmptyMean::Zero), |at| {
            if at == 0 { "NaN" } else { "0" }.to_owned()
        }),
        item("whether there is an ignore_index", loss.ignore_index.is_some().into(), switch),
        item("ignore_index", loss.ignore_index.unwrap_or_default().cast_unsigned(), |n| n.cast_signed().to_string()),
        item("label_smoothing", bits(Some(loss.label_smoothing)), number),
        item("whether there are class_weights", loss.class_weights.is_some().into(), switch),
        item("the fingerprint of class_weights", of_numbers(loss.class_weights.as_deref()), fingerprinted),
        item("z_loss", bits(Some(loss.z_loss)), number),
        item("logit_scale", bits(Some(loss.logit_scale)), number),
        item("softcap", bits(loss.softcap), number),
        item("whether there is a class_bias", loss.class_bias.is_some().into(), switch),
        item("the fingerprint of class_bias", of_numbers(loss.class_bias.as_deref()), fingerprinted),
        item("entropy_coefficient", bits(Some(loss.entropy_coefficient)), number),
        item("margin_multiplier", bits(Some(loss.margin_multiplier)), number),
        item("margin_angle", bits(Some(loss.margin_angle)), number),
        item("margin_cosine", bits(Some(loss.margin_cosine)), number),
    ]
}

const REDUCTIONS: [Reduction; 4] = [Reduction::None, Reduction::Sum, Reduction::Mean, Reduction::BatchMean];
const UPSTREAMS: [Upstream; 3] = [Upstream::One, Upstream::Scalar, Upstream::PerLoss];

fn item(what: &'static str, value: u64, show: fn(u64) -> String) -> Item {
    Item { what, value, show }
}

fn place<T: PartialEq + Copy>(all: &[T], value: T) -> u64 {
    all.iter().position(|other| *other == value).unwrap_or(all.len()) as u64
}

fn shown<T: std::fmt::Debug>(all: &[T], at: u64) -> String {
    all.get(at as usize).map_or_else(|| at.to_string(), |value| format!("{value:?}"))
}

fn switch(on: u64) -> String {
    if on == 0 { "no" } else { "yes" }.to_owned()
}

fn bits(value: Option<f32>) -> u64 {
    value.map_or(u64::MAX, |value| value.to_bits().into())
}

fn number(bits: u64) -> String {
    u32::try_from(bits).map_or_else(|_| "none".to_owned(), |bits| f32::from_bits(bits).to_string())
}

fn of_numbers(numbers: Option<&[f32]>) -> u64 {
    numbers.map_or(u64::MAX, |numbers| fingerprint(numbers.iter().map(|number| number.to_bits())))
}

/// FNV-1a over words.
fn fingerprint(words: impl Iterator<Item = u32>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3))
}

fn fingerprinted(hash: u64) -> String {
    format!("{hash:016x}")
}
