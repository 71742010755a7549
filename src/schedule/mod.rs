//! A plan before its kernels are built: the dispatches that a loss on a layout takes.

mod chunk;
mod class_sums;
mod elements;
mod key;
mod merge;
mod passes;
mod resident;
mod rows;
mod scan;
mod sizes;
mod sum;
mod team;
mod traffic;
mod wide_loads;
mod window;

pub(crate) use chunk::{Chunk, Run, by_elements, by_rows};
pub use team::Strategy;
pub(crate) use team::{Geometry, LoopWork, RESIDENT_ROWS, choose, serving, traversal};

pub(crate) use sizes::{Sizes, TERMS};
use window::window_row;

use crate::batch::TargetForm;
use crate::device::Context;
use crate::error::Result;
use crate::kernel::{ByteRange, KernelSpec, Params, Slot, Traversal, WideIntegers};
use crate::layout::{IntegerType, Layout, Mode, STATISTICS_BYTES};
use crate::loss::{Reduction, Spec};

/// Losses that one workgroup of the sum takes.
const BLOCK: u64 = 4096;
/// Elements that one team of the element traversal takes.
const ELEMENT_BLOCK: u64 = 2048;

/// Bytes of what is kept of a row's list, where single elements are taken.
pub(super) const VERDICT_BYTES: u64 = 4;

/// Bytes of what a split of a row knows of its true class.
pub(super) const TRUE_PART_BYTES: u64 = 8;

/// A dispatch before its kernel is built.
pub(super) struct Dispatch {
    pub(super) kernel: KernelSpec,
    pub(super) constants: Vec<(&'static str, f64)>,
    pub(super) params: Params,
    pub(super) groups: u64,
    /// Elements that it takes: a measure of its time.
    pub(super) elements: u64,
    /// The parts of buffers that it is bound to, where not the whole.
    pub(super) ranges: Vec<(Slot, ByteRange)>,
    /// Bindings that do not lie where they usually do.
    elsewhere: Vec<(u32, Slot)>,
}

impl Dispatch {
    /// What a binding is bound to.
    pub(super) fn slot(&self, binding: u32) -> (Slot, ByteRange) {
        let slot = self.elsewhere.iter().find(|(b, _)| *b == binding).map(|(_, slot)| *slot);
        let slot = slot.unwrap_or_else(|| Slot::of(binding));
        let range = self.ranges.iter().find(|(p, _)| *p == slot).map(|(_, range)| *range).unwrap_or_default();
        (slot, range)
    }
}

/// Everything that dispatches are made from.
pub(super) struct Scheduler<'a> {
    pub(super) context: &'a Context,
    pub(super) spec: &'a Spec,
    pub(super) layout: &'a Layout,
    pub(super) strategy: Strategy,
    pub(super) traversal: Traversal,
    geometry: Geometry,
    /// Whether vectors and integers are taken by wide loads.
    wide: bool,
    /// Of the batch that the kernels are to serve.
    pub(crate) sizes: Sizes,
    /// Whether it is for any WebGPU implementation.
    portable: bool,
}

/// The dispatches, and the scratch that they share.
#[derive(Default)]
pub(super) struct Schedule {
    pub(super) dispatches: Vec<Dispatch>,
    /// Bytes of the scan's results, or of partial sums.
    pub(super) scratch: u64,
    /// Bytes of the sums of every other level.
    pub(super) sums: u64,
    /// Parts of each row whose records are kept apart.
    pub(super) splits: u64,
    /// Bytes of the gradient's sums over blocks of rows, class by class.
    pub(super) class_sums: u64,
    /// Dispatches at the beginning that go through the targets.
    pub(super) scans: usize,
    /// How many values the last dispatch adds up, if it adds all.
    pub(super) summed_at_once: Option<u64>,
}

impl<'a> Scheduler<'a> {
    pub(super) fn new(context: &'a Context, spec: &'a Spec, layout: &'a Layout, strategy: Strategy) -> Self {
        let geometry = Geometry::new(context, strategy, layout.shape.classes);
        let wide = context.wide_loads();
        let traversal = traversal(spec.kind, &layout.shape);
        let sizes = Sizes::default();
        let scheduler =
            Scheduler { context, spec, layout, strategy, traversal, geometry, wide, sizes, portable: false };
        let sizes = scheduler.sizes();
        scheduler.suiting(sizes)
    }

    /// With the kernels that serve a batch of such sizes.
    pub(super) fn suiting(self, sizes: Sizes) -> Self {
        let geometry = Geometry::new(self.context, self.strategy, self.layout.shape.classes);
        Scheduler { geometry: if sizes.alone { geometry.alone() } else { geometry }, sizes, ..self }
    }

    /// Without what WebGPU does not know: wide loads.
    #[cfg(any(test, feature = "export"))]
    pub(super) fn portable(self) -> Self {
        let sizes = Sizes { wide_loads: false, ..self.sizes };
        Scheduler { wide: false, sizes, portable: true, ..self }
    }

    pub(super) fn dispatches(&self) -> Result<Schedule> {
        let mut schedule = Schedule::default();
        if self.layout.mode != Mode::Statistics && self.scans() {
            self.scan(&mut schedule);
            schedule.scans = schedule.dispatches.len();
        }
        let losses = match self.layout.mode {
            Mode::Merge { shards } => self.merge_shards(&mut schedule, shards)?,
            _ => self.passes_over_scores(&mut schedule)?,
        };
        if self.layout.sums_classes() {
            self.class_sums(&mut schedule)?;
        }
        if self.layout.writes_loss() {
            self.sums(&mut schedule, losses);
        }
        Ok(schedule)
    }

    pub(super) fn weights(&self) -> Option<&'a [f32]> {
        self.spec.class_weights.as_deref().or(self.spec.pos_weight.as_deref())
    }

    /// What every dispatch is told alike.
    fn params(&self) -> Params {
        let (spec, layout) = (self.spec, self.layout);
        let all_classes = layout.all_classes();
        let ignored = spec.ignore_index.unwrap_or_default();
        let factor = if spec.times_temperature_squared { f64::from(spec.temperature).powi(2) } else { 1.0 };
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
            longest_list: match self.context.profile.llvmpipe.turns_of_loops {
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
            logit_scale: spec.scale() as f32,
            softcap: spec.softcap.map_or(1.0, |cap| cap.max(f32::MIN_POSITIVE)),
            gamma: spec.gamma,
            alpha: spec.alpha.unwrap_or(1.0),
            alpha_negative: spec.alpha.map_or(1.0, |alpha| 1.0 - alpha),
            epsilon: spec.epsilon,
            entropy_coefficient: spec.entropy_coefficient,
            margin_multiplier: spec.margin_multiplier,
            margin_angle: spec.margin_angle,
            margin_angle_cos: f64::from(spec.margin_angle).cos() as f32,
            margin_angle_sin: f64::from(spec.margin_angle).sin() as f32,
            margin_cosine: spec.margin_cosine,
            gamma_positive: spec.gamma_positive,
            gamma_negative: spec.gamma_negative,
            clip: spec.clip,
            twice_inverse_temperature: (2.0 / f64::from(spec.temperature)) as f32,
            loss_factor: factor as f32,
            slope_factor: (factor / f64::from(spec.temperature)) as f32,
            teacher_share: spec.lambda,
            student_share: (1.0 - f64::from(spec.lambda)) as f32,
            ..Params::default()
        }
    }

    /// What the reduction multiplies losses by; 0 where the labels or the device tell.
    pub(crate) fn mean_factor(&self) -> f32 {
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

    /// Which integers are taken by wide loads.
    fn wide_integers(&self) -> WideIntegers {
        let wide = |integers: IntegerType| self.wide && integers.words() == 2;
        WideIntegers { targets: wide(self.layout.integers), indices: wide(self.layout.indices) }
    }

    fn integer_constants(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("TARGET_WORDS", f64::from(self.layout.integers.words())),
            ("TARGET_SIGNED", flag(self.layout.integers == IntegerType::I32)),
            ("INDEX_WORDS", f64::from(self.layout.indices.words())),
            ("HAS_IGNORE", flag(self.spec.ignore_index.is_some())),
        ]
    }

    fn dispatch(&self, kernel: KernelSpec, params: Params, groups: u64) -> Dispatch {
        Dispatch {
            kernel,
            constants: Vec::new(),
            params,
            groups,
            elements: 0,
            ranges: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// A part of an array with one entry of `bytes` a row; it begins on every device's offset alignment, at
    /// [`window_row`].
    fn row_range(&self, first_row: u64, rows: u64, bytes: u64) -> ByteRange {
        let window = window_row(first_row);
        ByteRange { offset: window * bytes, size: (first_row - window + rows) * bytes }
    }

    /// The same of all that comes out of rows, or is kept of them.
    fn result_ranges(&self, first_row: u64, rows: u64) -> [(Slot, ByteRange); 8] {
        let row_range = |bytes: u64| self.row_range(first_row, rows, bytes);
        [
            (Slot::Losses, row_range(4)),
            (Slot::Lse, row_range(4)),
            (Slot::Argmax, row_range(4)),
            (Slot::LogProb, row_range(4)),
            (Slot::Entropy, row_range(4)),
            (Slot::Rank, row_range(4)),
            (Slot::Statistics, row_range(STATISTICS_BYTES)),
            (Slot::RowStatistics, row_range(STATISTICS_BYTES)),
        ]
    }

    /// The same of the targets, if they have one entry a row.
    fn target_row_range(&self, first_row: u64, rows: u64) -> ByteRange {
        self.row_range(first_row, self.target_entries(rows), self.label_bytes())
    }

    /// Labels of so many rows, or list offsets, which are one more.
    fn target_entries(&self, rows: u64) -> u64 {
        rows + u64::from(self.layout.targets == TargetForm::Lists)
    }

    /// Bytes of a label or list offset.
    fn label_bytes(&self) -> u64 {
        u64::from(self.layout.integers.words()) * 4
    }

    /// Bytes of an element of dense targets.
    fn dense_bytes(&self) -> u64 {
        match self.layout.targets {
            TargetForm::MultiHot => 1,
            TargetForm::Logits => self.layout.teacher.size() as u64,
            _ => 4,
        }
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
