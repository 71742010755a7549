//! Making a plan: from a checked loss and layout to dispatches.

use std::sync::Arc;

use super::chunk::{Chunk, by_elements, by_rows};
use super::layout::Layout;
use super::params::Params;
use super::shader::{Extras, Grad, Recipe, Team, Walk, WalkRecipe, bindings, declared};
use super::strategy::{choose, walk};
use super::{Place, Plan, Span, Step, Strategy};
use crate::batch::TargetForm;
use crate::error::Result;
use crate::gpu::{Context, KernelKey, guarded};
use crate::loss::{EmptyMean, Reduction, Spec};

/// Losses that one workgroup of the sum takes, and elements that one team of the element walk takes.
pub(super) const BLOCK: u64 = 4096;
/// Threads of a target scan: enough to keep a GPU busy, few enough for one workgroup to merge.
const SCAN_THREADS: u64 = 8192;
const SCAN_GROUP: u64 = 64;
/// Bytes of what one of them finds.
const SCAN_PART: u64 = 16;

/// Makes a plan.
pub(crate) async fn build(
    context: &Arc<Context>,
    spec: &Spec,
    layout: &Layout,
    forced: Option<Strategy>,
) -> Result<Plan> {
    spec.check(layout.shape.classes)?;
    layout.check()?;
    let strategy = choose(context, spec.kind, layout, forced)?;
    let draft = Draft::new(context, spec, layout, strategy);
    let dispatches = draft.dispatches()?;
    let mut steps = Vec::with_capacity(dispatches.len());
    for dispatch in &dispatches {
        let source = dispatch.recipe.source();
        let found = bindings(&source);
        let constants = declared(&source, &dispatch.constants);
        let label = dispatch.recipe.label();
        let key = KernelKey::new(format!("{:?}", dispatch.recipe), &constants);
        let kernel = context.kernels.get(context, key, &label, source, &found).await?;
        let places = found.iter().map(|(binding, _)| dispatch.place(*binding)).collect();
        steps.push(Step { kernel, label, bindings: places, groups: draft.grid(dispatch.groups) });
    }
    let buffers = draft.buffers(&dispatches).await?;
    Ok(Plan {
        context: Arc::clone(context),
        spec: spec.clone(),
        layout: *layout,
        strategy,
        steps,
        params: buffers.params,
        scalars: buffers.scalars,
        status: buffers.status,
        class_weights: buffers.class_weights,
        losses: buffers.losses,
        scratch: buffers.scratch,
        sums: buffers.sums,
    })
}

struct Draft<'a> {
    context: &'a Context,
    spec: &'a Spec,
    layout: &'a Layout,
    strategy: Strategy,
    walk: Walk,
}

/// A dispatch before its kernel is built.
struct Dispatch {
    recipe: Recipe,
    constants: Vec<(&'static str, f64)>,
    params: Params,
    params_at: u64,
    groups: u64,
    spans: Vec<(Place, Span)>,
    /// Where the sums' input (binding 8) and output (binding 13) lie.
    sum: Option<(Place, Place)>,
}

impl Dispatch {
    fn place(&self, binding: u32) -> (u32, Place, Span) {
        let place = match (binding, self.sum) {
            (8, Some((from, _))) => from,
            (13, Some((_, to))) => to,
            _ => match binding {
                0 => Place::Params,
                1 | 14 => Place::Scalars,
                2 => Place::Scores,
                3 => Place::Grad,
                4 => Place::Targets,
                5 => Place::Indices,
                6 => Place::ClassWeights,
                7 => Place::Upstream,
                8 => Place::Losses,
                9 => Place::Lse,
                10 => Place::Argmax,
                11 => Place::ElementWeights,
                12 => Place::Status,
                _ => Place::Scratch,
            },
        };
        if place == Place::Params {
            return (binding, place, Span { offset: self.params_at, size: size_of::<Params>() as u64 });
        }
        let span = self.spans.iter().find(|(p, _)| *p == place).map(|(_, span)| *span).unwrap_or_default();
        (binding, place, span)
    }
}

struct PlanBuffers {
    params: wgpu::Buffer,
    scalars: wgpu::Buffer,
    status: wgpu::Buffer,
    class_weights: Option<wgpu::Buffer>,
    losses: wgpu::Buffer,
    scratch: wgpu::Buffer,
    sums: wgpu::Buffer,
}

impl<'a> Draft<'a> {
    fn new(context: &'a Context, spec: &'a Spec, layout: &'a Layout, strategy: Strategy) -> Self {
        Draft { context, spec, layout, strategy, walk: walk(spec.kind, &layout.shape) }
    }

    fn weights(&self) -> Option<&'a [f32]> {
        self.spec.class_weights.as_deref().or(self.spec.pos_weight.as_deref())
    }

    /// The denominator, where it does not depend on the labels.
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
            && self.layout.targets == TargetForm::Classes
    }

    /// What every dispatch is told alike.
    fn params(&self) -> Params {
        let (spec, shape) = (self.spec, &self.layout.shape);
        let ignored = spec.ignore_index.unwrap_or_default();
        Params {
            classes: shape.classes as u32,
            inner: shape.inner as u32,
            ignore_low: ignored as u32,
            ignore_high: (ignored >> 32) as u32,
            infinity: f32::INFINITY.to_bits(),
            nan: f32::NAN.to_bits(),
            mean_factor: self.mean_factor(),
            empty_mean: match spec.empty_mean {
                EmptyMean::Nan => f32::NAN.to_bits(),
                EmptyMean::Zero => 0,
            },
            smoothing: spec.label_smoothing,
            background: (f64::from(spec.label_smoothing) / shape.classes as f64) as f32,
            z_loss: spec.z_loss,
            logit_scale: spec.logit_scale,
            softcap: spec.softcap.unwrap_or(1.0),
            gamma: spec.gamma,
            alpha: spec.alpha.unwrap_or(1.0),
            alpha_negative: spec.alpha.map_or(1.0, |alpha| 1.0 - alpha),
            ..Params::default()
        }
    }

    fn dispatches(&self) -> Result<Vec<Dispatch>> {
        let mut dispatches = Vec::new();
        let parts = self.scan(&mut dispatches);
        dispatches.push(self.finish(parts));
        let partial_sums = self.walks(&mut dispatches)?;
        self.sums(&mut dispatches, partial_sums);
        let stride = size_of::<Params>().next_multiple_of(self.uniform_alignment()) as u64;
        for (i, dispatch) in dispatches.iter_mut().enumerate() {
            dispatch.params_at = i as u64 * stride;
        }
        Ok(dispatches)
    }

    fn dispatch(&self, recipe: Recipe, params: Params, groups: u64) -> Dispatch {
        Dispatch { recipe, constants: Vec::new(), params, params_at: 0, groups, spans: Vec::new(), sum: None }
    }

    /// The scan over labels or lists; returns how many parts it leaves in the scratch.
    fn scan(&self, dispatches: &mut Vec<Dispatch>) -> u64 {
        let recipe = match self.layout.targets {
            TargetForm::Classes => Recipe::ScanLabels { weighted: self.spec.class_weights.is_some() },
            TargetForm::Lists => Recipe::ScanLists,
            _ => return 0,
        };
        let rows = self.layout.shape.rows() as u64;
        let bytes = u64::from(self.layout.integers.words()) * 4;
        let window = (self.context.binding_limit() / bytes / 64).saturating_sub(2) * 64;
        let mut parts = 0;
        let mut first = 0;
        while first < rows {
            let count = window.min(rows - first);
            let groups = count.div_ceil(SCAN_GROUP).min(SCAN_THREADS / SCAN_GROUP);
            let params =
                Params { rows: count as u32, window_row: first as u32, first_part: parts as u32, ..self.params() };
            let mut dispatch = self.dispatch(recipe, params, groups);
            dispatch.constants = self.integer_constants();
            dispatch.spans.push((Place::Targets, self.row_span(first, count, bytes, self.layout.targets)));
            dispatches.push(dispatch);
            parts += groups * SCAN_GROUP;
            first += count;
        }
        parts
    }

    fn finish(&self, parts: u64) -> Dispatch {
        let params = Params { parts: parts as u32, ..self.params() };
        let mut dispatch = self.dispatch(Recipe::ScanFinish, params, 1);
        let scanned = self.mean_is_scanned();
        dispatch.constants = vec![
            ("OVER_WEIGHTS", f64::from(u8::from(scanned && self.spec.kind.per_row()))),
            ("OVER_VALID", f64::from(u8::from(scanned && !self.spec.kind.per_row()))),
        ];
        dispatch
    }

    /// The bytes of the rows of a chunk in a row-wise array; list offsets have one more.
    fn row_span(&self, first: u64, count: u64, bytes: u64, targets: TargetForm) -> Span {
        let more = u64::from(targets == TargetForm::Lists);
        Span { offset: first * bytes, size: (count + more) * bytes }
    }

    fn integer_constants(&self) -> Vec<(&'static str, f64)> {
        let flag = |on: bool| f64::from(u8::from(on));
        vec![
            ("TARGET_WORDS", f64::from(self.layout.integers.words())),
            ("TARGET_SIGNED", flag(self.layout.integers == super::IntegerType::I32)),
            ("INDEX_WORDS", f64::from(self.layout.indices.words())),
            ("HAS_IGNORE", flag(self.spec.ignore_index.is_some())),
        ]
    }

    /// The walks over the scores; returns how many losses or partial sums there are to add up.
    fn walks(&self, dispatches: &mut Vec<Dispatch>) -> Result<u64> {
        let layout = self.layout;
        let dense = layout.targets == TargetForm::Probabilities || layout.element_weights || !self.spec.kind.per_row();
        let bytes = if dense { 4 } else { layout.dtype.size() as u64 };
        let limit = self.context.binding_limit();
        if self.walk == Walk::Element {
            let mut blocks = 0;
            for chunk in by_elements(&layout.shape, bytes, limit, BLOCK) {
                dispatches.push(self.walk_chunk(&chunk, blocks));
                blocks += chunk.elements.div_ceil(BLOCK);
            }
            return Ok(blocks);
        }
        for chunk in by_rows(&layout.shape, bytes, limit)? {
            dispatches.push(self.walk_chunk(&chunk, 0));
        }
        Ok(layout.shape.rows() as u64)
    }

    fn walk_chunk(&self, chunk: &Chunk, first_part: u64) -> Dispatch {
        let (spec, layout) = (self.spec, self.layout);
        let shape = &layout.shape;
        let stride = if shape.inner == 1 { shape.classes } else { shape.classes * shape.inner } as u64;
        let size = layout.dtype.size() as u64;

        // Windows begin at or below the chunk, on every device's offset alignment.
        let element_window = chunk.first_element / 256 * 256;
        let at = chunk.first_element - element_window;
        let row_window = chunk.first_row / 64 * 64;
        let rows_at = chunk.first_row - row_window;

        let aligned = match self.walk {
            Walk::Row => stride.is_multiple_of(4) && at.is_multiple_of(4),
            Walk::Column => shape.inner.is_multiple_of(4) && at.is_multiple_of(4),
            Walk::Element => true,
        };
        let quads = aligned || self.walk == Walk::Row;
        let bundle = match self.walk {
            Walk::Row => 4 / gcd(stride, 4),
            _ => 1,
        };
        let peeled = self.walk == Walk::Row && !aligned;

        let recipe = Recipe::Walk(WalkRecipe {
            walk: self.walk,
            team: self.strategy.team(),
            kind: spec.kind,
            dtype: layout.dtype,
            targets: layout.targets,
            quads,
            dense_quads: aligned,
            grad: match (layout.want.grad, layout.in_place) {
                (false, _) => Grad::Nowhere,
                (true, false) => Grad::Separate,
                (true, true) => Grad::InPlace,
            },
            weighted: self.weights().is_some(),
            extras: Extras {
                upstream: layout.upstream,
                element_weights: layout.element_weights,
                losses: spec.kind.per_row() || layout.want.losses || spec.reduction == Reduction::None,
                lse: layout.want.lse,
                argmax: layout.want.argmax,
                correct: layout.want.correct,
            },
        });
        let params = Params {
            rows: chunk.rows as u32,
            first_row: rows_at as u32,
            window_row: row_window as u32,
            scores_at: at as u32,
            scores_stride: stride as u32,
            grad_at: at as u32,
            grad_stride: stride as u32,
            dense_at: at as u32,
            elements: chunk.elements as u32,
            phase: chunk.phase as u32,
            first_part: first_part as u32,
            ..self.params()
        };
        let group = self.group_size();
        let (tasks_per_group, tasks) = match self.walk {
            Walk::Row => (self.teams(group), chunk.rows.div_ceil(bundle)),
            Walk::Element => (self.teams(group), chunk.elements.div_ceil(BLOCK)),
            Walk::Column => {
                let quads = chunk.rows / shape.inner as u64 * (shape.inner as u64).div_ceil(4);
                (u64::from(group), quads)
            }
        };
        let mut dispatch = self.dispatch(recipe, params, tasks.div_ceil(tasks_per_group));
        let flag = |on: bool| f64::from(u8::from(on));
        dispatch.constants = self.integer_constants();
        dispatch.constants.extend([
            ("GROUP_SIZE", f64::from(group)),
            ("TASKS_PER_GROUP", tasks_per_group as f64),
            ("BUNDLE", bundle as f64),
            ("PEELED", flag(peeled)),
            ("BLOCK", BLOCK as f64),
            ("GRAD", flag(layout.want.grad)),
            ("ARGMAX", flag(layout.want.argmax || layout.want.correct)),
            ("CORRECT", flag(layout.want.correct)),
            ("HAS_LOSSES", flag(layout.want.losses || spec.reduction == Reduction::None)),
            ("SMOOTHED", flag(spec.label_smoothing > 0.0)),
            ("TRANSFORMED", flag(spec.logit_scale != 1.0)),
            ("CAPPED", flag(spec.softcap.is_some())),
            ("Z_LOSS", flag(spec.z_loss > 0.0)),
            ("FOCAL", flag(spec.kind == crate::loss::Kind::SoftmaxFocal)),
        ]);

        let elements = at + chunk.elements;
        let element_span =
            |bytes: u64| Span { offset: element_window * bytes, size: (elements * bytes).next_multiple_of(16) };
        let row_span = |bytes: u64| Span { offset: row_window * bytes, size: (rows_at + chunk.rows) * bytes };
        let per_loss = if spec.kind.per_row() { row_span(4) } else { element_span(4) };
        dispatch.spans = vec![
            (Place::Scores, element_span(size)),
            (Place::Grad, element_span(size)),
            (Place::Upstream, per_loss),
            (Place::Losses, per_loss),
            (Place::Lse, row_span(4)),
            (Place::Argmax, row_span(4)),
            (Place::ElementWeights, element_span(4)),
            (
                Place::Targets,
                match layout.targets {
                    TargetForm::Probabilities => element_span(4),
                    TargetForm::MultiHot => element_span(1),
                    form => {
                        self.row_span(row_window, rows_at + chunk.rows, u64::from(layout.integers.words()) * 4, form)
                    }
                },
            ),
        ];
        dispatch
    }

    /// The sum of losses, level by level, the last one scaled; levels go to and fro between two scratch buffers.
    fn sums(&self, dispatches: &mut Vec<Dispatch>, count: u64) {
        let mut count = count;
        let mut from = if self.walk == Walk::Element { Place::Scratch } else { Place::Losses };
        loop {
            let last = count <= BLOCK;
            let to = match (last, from) {
                (true, _) => Place::Loss,
                (false, Place::Sums) => Place::Scratch,
                (false, _) => Place::Sums,
            };
            // A binding's worth at a time, in whole blocks.
            let window = (self.context.binding_limit() / 4 / BLOCK).max(1) * BLOCK;
            let mut first = 0;
            loop {
                let here = window.min(count - first);
                let params = Params { parts: here as u32, first_part: (first / BLOCK) as u32, ..self.params() };
                let mut dispatch = self.dispatch(Recipe::Sum, params, here.div_ceil(BLOCK).max(1));
                dispatch.constants = vec![("LAST", f64::from(u8::from(last)))];
                dispatch.sum = Some((from, to));
                dispatch.spans.push((from, Span { offset: first * 4, size: (here * 4).max(4) }));
                if last {
                    dispatch.spans.push((to, Span { offset: 0, size: 4 }));
                }
                dispatches.push(dispatch);
                first += here;
                if first >= count {
                    break;
                }
            }
            if last {
                return;
            }
            from = to;
            count = count.div_ceil(BLOCK);
        }
    }

    fn group_size(&self) -> u32 {
        let wanted = match self.strategy.team() {
            // A processor that plays a GPU deals out workgroups: small ones keep all its cores busy.
            Team::Thread | Team::Subgroup if self.context.is_software() => 16,
            Team::Thread | Team::Subgroup => 64,
            Team::Workgroup => 256,
            Team::WorkgroupTree => {
                if self.context.is_software() {
                    16
                } else {
                    256
                }
            }
        };
        let wanted = match self.context.subgroups {
            Some((_, largest)) => wanted.max(largest),
            None => wanted,
        };
        wanted
            .min(self.context.limits.max_compute_invocations_per_workgroup)
            .min(self.context.limits.max_compute_workgroup_size_x)
    }

    /// At most this many teams are in a workgroup; where subgroups are larger, each takes several tasks.
    fn teams(&self, group: u32) -> u64 {
        let teams = match (self.strategy.team(), self.context.subgroups) {
            (Team::Thread, _) => group,
            (Team::Subgroup, Some((smallest, _))) => group / smallest,
            _ => 1,
        };
        u64::from(teams)
    }

    fn grid(&self, groups: u64) -> (u32, u32) {
        let widest = u64::from(self.context.limits.max_compute_workgroups_per_dimension);
        let width = groups.min(widest).max(1);
        (width as u32, groups.div_ceil(width).max(1) as u32)
    }

    fn uniform_alignment(&self) -> usize {
        self.context.limits.min_uniform_buffer_offset_alignment as usize
    }

    async fn buffers(&self, dispatches: &[Dispatch]) -> Result<PlanBuffers> {
        let stride = size_of::<Params>().next_multiple_of(self.uniform_alignment());
        let mut params = vec![0_u8; stride * dispatches.len()];
        for (place, dispatch) in params.chunks_mut(stride).zip(dispatches) {
            place[..size_of::<Params>()].copy_from_slice(bytemuck::bytes_of(&dispatch.params));
        }
        let shape = &self.layout.shape;
        let rows = shape.rows() as u64;
        let losses = if self.spec.kind.per_row() { rows } else { 1 };
        let blocks = (shape.elements() as u64).div_ceil(BLOCK).max(rows.div_ceil(BLOCK));
        let windows = 1 + rows * 8 / self.context.binding_limit();
        let scan = (SCAN_THREADS * windows).min(rows.next_multiple_of(SCAN_GROUP)) * SCAN_PART;
        let weights = self.weights();
        let storage = wgpu::BufferUsages::STORAGE;
        guarded(self.context, "reserving a plan's buffers", || {
            let buffer = |label, size: u64, usage| {
                self.context.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size: size.next_multiple_of(16).max(16),
                    usage: usage | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                })
            };
            let buffers = PlanBuffers {
                params: buffer("gpu-loss params", params.len() as u64, wgpu::BufferUsages::UNIFORM),
                scalars: buffer("gpu-loss scalars", 16, wgpu::BufferUsages::UNIFORM | storage),
                status: buffer("gpu-loss status", 32, storage | wgpu::BufferUsages::COPY_SRC),
                class_weights: weights.map(|w| buffer("gpu-loss class weights", w.len() as u64 * 4, storage)),
                losses: buffer("gpu-loss losses", losses * 4, storage),
                scratch: buffer("gpu-loss scratch", scan.max(blocks * 4), storage),
                sums: buffer("gpu-loss sums", blocks * 4, storage),
            };
            let queue = &self.context.queue;
            queue.write_buffer(&buffers.params, 0, &params);
            if let (Some(buffer), Some(weights)) = (&buffers.class_weights, weights) {
                queue.write_buffer(buffer, 0, bytemuck::cast_slice(weights));
            }
            buffers
        })
        .await
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
