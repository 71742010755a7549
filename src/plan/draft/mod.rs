//! A plan before its kernels are built: the dispatches that a loss on a layout takes.

mod bricks;
mod elements;
mod held;
mod merge;
mod recipe;
mod rows;
mod scan;
mod sizes;
mod sum;
mod walk;
mod window;

pub(crate) use sizes::Sizes;
use window::window_row;

use super::layout::{Layout, Mode};
use super::params::Params;
use super::shader::{Recipe, Walk, WideIntegers};
use super::share::Share;
use super::strategy::{Geometry, walk};
use super::{IntegerType, Place, Span, Strategy, Upstream};
use crate::batch::TargetForm;
use crate::error::Result;
use crate::gpu::Context;
use crate::loss::{Reduction, Spec};

/// Losses that one workgroup of the sum takes.
const BLOCK: u64 = 4096;
/// Elements that one team of the element walk takes.
const ELEMENT_BLOCK: u64 = 2048;

/// Bytes of what is kept of a row's list, where single elements are walked.
pub(super) const VERDICT_BYTES: u64 = 4;

/// A dispatch before its kernel is built.
pub(super) struct Dispatch {
    pub(super) recipe: Recipe,
    pub(super) constants: Vec<(&'static str, f64)>,
    pub(super) params: Params,
    pub(super) groups: u64,
    /// Elements that it takes: a measure of its time.
    pub(super) elements: u64,
    /// The parts of buffers that it is bound to, where not the whole.
    pub(super) spans: Vec<(Place, Span)>,
    /// Bindings that do not lie where they usually do.
    elsewhere: Vec<(u32, Place)>,
}

impl Dispatch {
    /// What a binding is bound to.
    pub(super) fn place(&self, binding: u32) -> (Place, Span) {
        let place = self.elsewhere.iter().find(|(b, _)| *b == binding).map(|(_, place)| *place);
        let place = place.unwrap_or_else(|| Place::of(binding));
        let span = self.spans.iter().find(|(p, _)| *p == place).map(|(_, span)| *span).unwrap_or_default();
        (place, span)
    }
}

/// Everything that dispatches are made from.
pub(super) struct Draft<'a> {
    pub(super) context: &'a Context,
    pub(super) spec: &'a Spec,
    pub(super) layout: &'a Layout,
    pub(super) strategy: Strategy,
    pub(super) walk: Walk,
    geometry: Geometry,
    /// Whether quads and integers are loaded as words of 64 bits.
    wide: bool,
    /// Of the batch that the kernels are to serve.
    sizes: Sizes,
    /// Whether it is for any WebGPU implementation.
    portable: bool,
}

/// The dispatches, and the scratch that they share.
#[derive(Default)]
pub(super) struct Drafted {
    pub(super) dispatches: Vec<Dispatch>,
    /// Bytes of the scan's results, or of partial sums.
    pub(super) scratch: u64,
    /// Bytes of the sums of every other level.
    pub(super) sums: u64,
    /// Parts of each row whose records are kept apart.
    pub(super) parts: u64,
    /// Dispatches at the beginning that go through the targets.
    pub(super) scans: usize,
    /// How many values the last dispatch adds up, if it adds all.
    pub(super) summed_at_once: Option<u64>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(context: &'a Context, spec: &'a Spec, layout: &'a Layout, strategy: Strategy) -> Self {
        let geometry = Geometry::new(context, strategy);
        let wide = context.loads_by_words();
        let walk = walk(spec.kind, &layout.shape);
        let sizes = Sizes::default();
        let draft = Draft { context, spec, layout, strategy, walk, geometry, wide, sizes, portable: false };
        let sizes = draft.sizes();
        draft.suiting(sizes)
    }

    /// With the kernels that serve a batch of such sizes.
    pub(super) fn suiting(self, sizes: Sizes) -> Self {
        let geometry = Geometry::new(self.context, self.strategy);
        Draft { geometry: if sizes.alone { geometry.alone() } else { geometry }, sizes, ..self }
    }

    /// Without what WebGPU does not know: words of 64 bits.
    pub(super) fn portable(self) -> Self {
        let sizes = Sizes { bricks: false, ..self.sizes };
        Draft { wide: false, sizes, portable: true, ..self }
    }

    pub(super) fn dispatches(&self) -> Result<Drafted> {
        let mut drafted = Drafted::default();
        if self.layout.mode != Mode::Statistics {
            self.scan(&mut drafted);
            drafted.scans = drafted.dispatches.len();
        }
        let losses = match self.layout.mode {
            Mode::Merge { shards } => self.merge_shards(&mut drafted, shards)?,
            _ => self.walks(&mut drafted)?,
        };
        if self.layout.writes_loss() {
            self.sums(&mut drafted, losses);
        }
        Ok(drafted)
    }

    /// What a host could do of this for a batch of its own.
    pub(super) fn share(&self, drafted: &Drafted) -> Option<Share> {
        let layout = self.layout;
        let told = layout.mode == Mode::Whole && !layout.denominator && layout.upstream != Upstream::Scalar;
        let few = layout.targets != TargetForm::Classes || self.sizes.few_labels;
        let share = || Share::of(drafted, self.mean_factor(), self.mean_is_scanned());
        if told && few { share() } else { None }
    }

    pub(super) fn weights(&self) -> Option<&'a [f32]> {
        self.spec.class_weights.as_deref().or(self.spec.pos_weight.as_deref())
    }

    /// What every dispatch is told alike.
    fn params(&self) -> Params {
        let (spec, layout) = (self.spec, self.layout);
        let all_classes = layout.all_classes();
        let ignored = spec.ignore_index.unwrap_or_default();
        Params {
            classes: layout.shape.classes as u32,
            first_class: layout.first_class() as u32,
            all_classes: all_classes as u32,
            inner: layout.shape.inner as u32,
            ignore_low: ignored as u32,
            ignore_high: (ignored >> 32) as u32,
            infinity: f32::INFINITY.to_bits(),
            nan: f32::NAN.to_bits(),
            mean_factor: self.mean_factor(),
            longest_list: match self.context.loop_limit() {
                Some(_) => layout.longest_list as u32,
                None => u32::MAX,
            },
            empty_mean: spec.empty_mean.value().to_bits(),
            smoothing: spec.label_smoothing,
            // Not 0 but for a smoothing of 0, as devices that flush subnormals would have it: a mask then costs infinity.
            background: match spec.label_smoothing {
                0.0 => 0.0,
                smoothing => ((f64::from(smoothing) / all_classes as f64) as f32).max(f32::MIN_POSITIVE),
            },
            z_loss: spec.z_loss,
            logit_scale: spec.logit_scale,
            softcap: spec.softcap.map_or(1.0, |cap| cap.max(f32::MIN_POSITIVE)),
            gamma: spec.gamma,
            alpha: spec.alpha.unwrap_or(1.0),
            alpha_negative: spec.alpha.map_or(1.0, |alpha| 1.0 - alpha),
            ..Params::default()
        }
    }

    /// What the reduction multiplies losses by; 0 where the labels or the device tell.
    fn mean_factor(&self) -> f32 {
        let shape = &self.layout.shape;
        let over = |count: usize| if count == 0 { 0.0 } else { (1.0 / count as f64) as f32 };
        match self.spec.reduction {
            Reduction::None | Reduction::Sum => 1.0,
            Reduction::BatchMean => over(shape.n),
            Reduction::Mean => match self.spec.denominator {
                Some(denominator) => 1.0 / denominator,
                None if self.mean_is_scanned() => 0.0,
                None if self.spec.kind.per_row() => over(shape.rows()),
                None => over(shape.elements()),
            },
        }
    }

    /// Whether the mean divides by what the label scan counts.
    fn mean_is_scanned(&self) -> bool {
        self.spec.reduction == Reduction::Mean
            && self.spec.denominator.is_none()
            && !self.layout.denominator
            && self.layout.targets == TargetForm::Classes
    }

    /// Whether the scan keeps which lists are bad: walks along rows find out by themselves.
    pub(super) fn keeps_verdicts(&self) -> bool {
        self.layout.targets == TargetForm::Lists && self.walk == Walk::Element
    }

    /// Which integers are loaded as words of 64 bits.
    fn wide_integers(&self) -> WideIntegers {
        let wide = |integers: IntegerType| self.wide && integers.words() == 2;
        WideIntegers { targets: wide(self.layout.integers), indices: wide(self.layout.indices) }
    }

    fn integer_constants(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("TARGET_WORDS", f64::from(self.layout.integers.words())),
            ("TARGET_SIGNED", flag(self.layout.integers == super::IntegerType::I32)),
            ("INDEX_WORDS", f64::from(self.layout.indices.words())),
            ("HAS_IGNORE", flag(self.spec.ignore_index.is_some())),
        ]
    }

    fn dispatch(&self, recipe: Recipe, params: Params, groups: u64) -> Dispatch {
        Dispatch {
            recipe,
            constants: Vec::new(),
            params,
            groups,
            elements: 0,
            spans: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// A part of an array with one entry of `bytes` a row; it begins on every device's offset alignment, at
    /// [`window_row`].
    fn row_span(&self, first_row: u64, rows: u64, bytes: u64) -> Span {
        let window = window_row(first_row);
        Span { offset: window * bytes, size: (first_row - window + rows) * bytes }
    }

    /// The same of the targets, if they have one entry a row; list offsets have one more.
    fn target_row_span(&self, first_row: u64, rows: u64) -> Span {
        let more = u64::from(self.layout.targets == TargetForm::Lists);
        self.row_span(first_row, rows + more, u64::from(self.layout.integers.words()) * 4)
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
