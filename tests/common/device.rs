//! Cases run by plans on device memory: every array a range of one buffer that is filled with poison.

use gpu_loss::batch::{Element, Outputs, TargetForm, bf16, f16};
use gpu_loss::layout::{Mode, RowStatistics, STATISTICS_BYTES, Upstream};
use gpu_loss::loss::Spec;
use gpu_loss::reference::{self, Difference, Reference};
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Output, Plan, Reduction, Result, Shape, wgpu};
use ndarray::{ArrayD, IxDyn};

use super::memory::{Arena, POISON, download, range};
use super::{Case, OwnedTargets};

/// How the work of a case is spread over plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Whole,
    LossOnly,
    /// Losses and statistics first, the gradient from these later.
    Halves,
    /// The classes dealt out to this many shards.
    Shards(usize),
    /// The same, merged on the host before the gradient.
    HostMerged(usize),
}

/// What a training loop may do otherwise than the plain call.
#[derive(Debug, Clone, Copy)]
pub struct Variation {
    pub way: Way,
    pub in_place: bool,
    /// Elements between one n and the next that belong to nobody.
    pub scores_gap: usize,
    pub grad_gap: usize,
    /// A gradient that arrives at the reduced loss.
    pub arriving: Option<f32>,
    /// Whether the case's denominator comes as a buffer.
    pub denominator: bool,
}

impl Variation {
    pub const PLAIN: Variation =
        Variation { way: Way::Whole, in_place: false, scores_gap: 0, grad_gap: 0, arriving: None, denominator: false };
}

/// A device of the same adapter whose bindings reach no further than so many bytes.
pub fn narrow(gpu: &GpuLoss, binding: u64) -> GpuLoss {
    let info = gpu.adapter_info().clone();
    let adapter = GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default())
        .into_iter()
        .find(|a| a.get_info() == info)
        .expect("the same adapter");
    let (required_features, mut required_limits) = GpuLoss::wanted(&adapter);
    required_limits.max_storage_buffer_binding_size = binding;
    let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
    let narrow = GpuLoss::from_device(&adapter, device, queue).expect("enough for the kernels");
    narrow.with_self_test(false)
}

/// Scores as stored, `gap` elements of poison behind each n.
pub fn stored(scores: &ArrayD<f32>, dtype: Dtype, gap: usize) -> Vec<u8> {
    let slab: usize = scores.shape()[1..].iter().product();
    let mut bytes = Vec::new();
    for (at, value) in scores.iter().enumerate() {
        match dtype {
            Dtype::F32 => bytes.extend_from_slice(&value.to_le_bytes()),
            Dtype::F16 => bytes.extend_from_slice(&f16::from_f32(*value).to_le_bytes()),
            Dtype::Bf16 => bytes.extend_from_slice(&bf16::from_f32(*value).to_le_bytes()),
        }
        if (at + 1) % slab == 0 {
            bytes.resize(bytes.len() + gap * dtype.size(), POISON);
        }
    }
    bytes
}

/// The values of `dims` out of bytes with a gap behind each n, which must still be poison.
pub fn loaded(bytes: &[u8], dtype: Dtype, dims: &[usize], gap: usize, what: &str) -> ArrayD<f64> {
    let slab: usize = dims[1..].iter().product();
    let mut values = Vec::new();
    for n in bytes.chunks((slab + gap) * dtype.size()) {
        let (inside, behind) = n.split_at(slab * dtype.size());
        assert!(behind.iter().all(|b| *b == POISON), "{what}: written between rows");
        values.extend(inside.chunks(dtype.size()).map(|b| match dtype {
            Dtype::F32 => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Dtype::F16 => f16::from_le_bytes([b[0], b[1]]).to_f64(),
            Dtype::Bf16 => bf16::from_le_bytes([b[0], b[1]]).to_f64(),
        }));
    }
    ArrayD::from_shape_vec(IxDyn(dims), values).expect("as many as the shape has")
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// The classes from `first` up to `end` of an array of the scores' shape.
fn classes<T: Clone>(array: &ArrayD<T>, first: usize, end: usize) -> ArrayD<T> {
    array.slice_axis(ndarray::Axis(1), (first..end).into()).to_owned()
}

impl Case {
    fn form(&self) -> TargetForm {
        self.targets.view().form()
    }

    /// The layout that serves a variation, in one plan.
    fn layout(&self, gpu: &GpuLoss, v: &Variation) -> Layout {
        let shape = self.shape();
        let slab = shape.classes * shape.inner;
        let want = self.outputs();
        let sharded = matches!(v.way, Way::Shards(_) | Way::HostMerged(_));
        // Not of rows that are cut between bindings.
        let whole_rows = 4 * slab as u64 + 4096 <= gpu.device().limits().max_storage_buffer_binding_size;
        let mut layout = Layout::forward_backward(shape, self.dtype).targets(self.form()).outputs(want);
        layout.outputs.grad = v.way == Way::Whole;
        layout.outputs.correct = false;
        layout.outputs.log_prob = want.log_prob && !sharded;
        layout.outputs.rank = want.rank && !sharded && whole_rows;
        layout.outputs.grad_class_bias = want.grad_class_bias && v.way == Way::Whole;
        layout.entropy_upstream = self.more.entropy_upstream.is_some();
        layout.in_place = v.in_place;
        layout.scores_stride = Some(slab + v.scores_gap);
        layout.grad_stride = (!v.in_place).then_some(slab + v.grad_gap);
        layout.upstream = match (v.arriving, &self.upstream) {
            (Some(_), _) => Upstream::Scalar,
            (None, Some(_)) => Upstream::PerLoss,
            (None, None) => Upstream::One,
        };
        layout.element_weights = self.element_weights.is_some();
        layout.missing_labels = self.targets.have_missing();
        layout.teacher = match &self.targets {
            OwnedTargets::LogitsF16(_) => Dtype::F16,
            OwnedTargets::LogitsBf16(_) => Dtype::Bf16,
            _ => Dtype::F32,
        };
        layout.denominator = v.denominator;
        layout
    }

    /// Runs a variation on device memory.
    pub fn run_on_device(&self, gpu: &GpuLoss, v: &Variation) -> Result<Output<f64, IxDyn>> {
        let mut spec = self.spec.clone();
        let mut arena = Arena::default();
        if v.denominator {
            let denominator = spec.denominator.take().expect("the case has a denominator");
            arena.put("denominator", &denominator.to_le_bytes());
        }
        match (v.arriving, &self.upstream) {
            (Some(arriving), _) => arena.put("upstream", &arriving.to_le_bytes()),
            (None, Some(upstream)) => arena.put("upstream", plain_bytes(upstream)),
            (None, None) => {}
        }
        if let Some(weights) = &self.element_weights {
            arena.put("element_weights", plain_bytes(weights));
        }
        if let Some(upstream) = &self.more.entropy_upstream {
            arena.put("entropy_upstream", plain_bytes(upstream));
        }
        let shape = self.shape();
        let losses = if spec.kind.per_row() { shape.rows() } else { shape.elements() } as u64;
        for (name, bytes) in [("loss", 4), ("losses", losses * 4)] {
            arena.room(name, bytes);
        }
        if spec.kind.is_softmax() {
            arena.room("lse", shape.rows() as u64 * 4);
        }
        if spec.kind.per_row() {
            arena.room("argmax", shape.rows() as u64 * 4);
            arena.room("statistics", shape.rows() as u64 * STATISTICS_BYTES);
        }
        let want = self.layout(gpu, v).outputs;
        for (name, wanted) in [("log_prob", want.log_prob), ("entropy", want.entropy), ("rank", want.rank)] {
            if wanted {
                arena.room(name, shape.rows() as u64 * 4);
            }
        }
        if self.outputs().grad_class_bias && matches!(v.way, Way::Whole | Way::Halves) {
            arena.room("grad_class_bias", shape.classes as u64 * 4);
        }
        let grads = match v.way {
            Way::Shards(shards) | Way::HostMerged(shards) => self.run_shards(gpu, &spec, v, &mut arena, shards)?,
            _ => self.run_whole(gpu, &spec, v, &mut arena)?,
        };
        let (bytes, grad) = grads;
        let read = |name: &str| arena.read(&bytes, name);
        let row_dims: Vec<usize> =
            self.scores.shape().iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).collect();
        let loss_dims = if spec.kind.per_row() { row_dims.clone() } else { self.scores.shape().to_vec() };
        let array = |dims: &[usize], name: &str| {
            read(name).map(|bytes| ArrayD::from_shape_vec(IxDyn(dims), floats(bytes)).expect("shape"))
        };
        let mut output = Output::new(floats(read("loss").expect("loss"))[0]);
        output.grad = grad;
        output.losses = array(&loss_dims, "losses");
        output.lse = array(&row_dims, "lse");
        output.argmax = array(&row_dims, "argmax").map(|a| a.mapv(f32::to_bits));
        output.log_prob = array(&row_dims, "log_prob");
        output.entropy = array(&row_dims, "entropy");
        output.rank = array(&row_dims, "rank").map(|a| a.mapv(f32::to_bits));
        output.grad_class_bias = array(&[shape.classes], "grad_class_bias");
        Ok(output)
    }

    /// In one plan, or in a forward and a backward one. Returns the arena's bytes and the gradient.
    fn run_whole(
        &self,
        gpu: &GpuLoss,
        spec: &Spec,
        v: &Variation,
        arena: &mut Arena,
    ) -> Result<(Vec<u8>, Option<ArrayD<f64>>)> {
        let layout = self.layout(gpu, v);
        let scores = stored(&self.scores, self.dtype, v.scores_gap);
        arena.put("scores", &scores);
        self.put_targets(arena, 0, self.shape().classes, "");
        let dims = self.scores.shape();
        let grad_bytes = (self.scores.len() + dims[0] * v.grad_gap) * self.dtype.size();
        if !v.in_place {
            arena.room("grad", grad_bytes as u64);
        }
        let buffer = arena.upload(gpu);
        let slices = arena.slices(&buffer, "");
        let per_row = spec.kind.per_row();
        let mut forward = layout;
        forward.statistics = v.way == Way::Halves && per_row;
        let mut plans = vec![gpu.plan(spec, &forward)?];
        if v.way == Way::Halves {
            let mut backward = layout.mode(Mode::Gradient);
            backward.outputs.grad_class_bias = self.outputs().grad_class_bias;
            plans.push(gpu.plan(spec, &backward)?);
        }
        submit(gpu, plans.iter().map(|plan| (plan, slices)))?;
        let bytes = download(gpu, &buffer);
        let what = format!("{} {v:?}", self.name);
        let read = |name: &str| arena.read(&bytes, name).expect("in the arena");
        if !v.in_place || v.way == Way::LossOnly {
            assert!(read("scores") == scores, "{what}: the scores were written");
        }
        let grad = match (v.way, v.in_place) {
            (Way::LossOnly, _) => None,
            (_, true) => Some(loaded(read("scores"), self.dtype, dims, v.scores_gap, &what)),
            (_, false) => Some(loaded(read("grad"), self.dtype, dims, v.grad_gap, &what)),
        };
        Ok((bytes, grad))
    }

    /// Shard by shard: statistics, one merge, then each shard's gradient.
    fn run_shards(
        &self,
        gpu: &GpuLoss,
        spec: &Spec,
        v: &Variation,
        arena: &mut Arena,
        shards: usize,
    ) -> Result<(Vec<u8>, Option<ArrayD<f64>>)> {
        let shape = self.shape();
        let cuts: Vec<usize> = (0..=shards).map(|k| shape.classes * k / shards).collect();
        let rows = shape.rows() as u64;
        arena.room("shards", rows * STATISTICS_BYTES * shards as u64);
        self.put_targets(arena, 0, shape.classes, "");
        for (k, ends) in cuts.windows(2).enumerate() {
            arena.put(&format!("scores{k}"), &stored(&classes(&self.scores, ends[0], ends[1]), self.dtype, 0));
            if self.form().is_dense() {
                self.put_targets(arena, ends[0], ends[1], &k.to_string());
            }
            let elements = (ends[1] - ends[0]) * shape.inner * shape.n;
            arena.room(&format!("grad{k}"), (elements * self.dtype.size()) as u64);
        }
        // The merge sees no scores; any buffer stands for them.
        arena.put("scores", &[0; 16]);
        let buffer = arena.upload(gpu);
        let mut whole = self.layout(gpu, &Variation { way: Way::LossOnly, scores_gap: 0, grad_gap: 0, ..*v });
        (whole.outputs.log_prob, whole.outputs.rank) = (false, false);
        let layout_of = |k: usize, mode: Mode| {
            let classes = cuts[k + 1] - cuts[k];
            let mut outputs = Outputs::default().with_argmax();
            outputs.entropy = whole.outputs.entropy;
            let mut layout = whole.mode(mode).outputs(outputs).shard(cuts[k], shape.classes);
            (layout.scores_stride, layout.grad_stride) = (None, None);
            layout.shape = Shape { classes, ..shape };
            layout
        };
        let all = arena.slice(&buffer, "shards").expect("shards");
        let mut plans = Vec::new();
        for k in 0..shards {
            // Each shard writes its statistics behind those of the one before.
            let slices = arena.slices(&buffer, &k.to_string());
            let own = range(&buffer, all.offset + k as u64 * rows * STATISTICS_BYTES, rows * STATISTICS_BYTES);
            plans.push((gpu.plan(spec, &layout_of(k, Mode::Statistics))?, slices.statistics(own)));
        }
        let mut merge = whole.mode(Mode::Merge { shards: shards as u32 });
        (merge.scores_stride, merge.grad_stride) = (None, None);
        plans.push((gpu.plan(spec, &merge)?, arena.slices(&buffer, "")));
        if let Way::HostMerged(_) = v.way {
            submit(gpu, plans.iter().map(|(plan, slices)| (plan, *slices)))?;
            plans.clear();
            let merged =
                merged_on_the_host(spec, arena.read(&download(gpu, &buffer), "shards").expect("shards"), shards);
            let at = arena.slice(&buffer, "statistics").expect("statistics").offset;
            gpu.queue().write_buffer(&buffer, at, bytemuck::cast_slice(&merged));
        }
        for k in 0..shards {
            let slices = arena.slices(&buffer, &k.to_string());
            plans.push((gpu.plan(spec, &layout_of(k, Mode::Gradient))?, slices));
        }
        submit(gpu, plans.iter().map(|(plan, slices)| (plan, *slices)))?;
        let bytes = download(gpu, &buffer);
        let mut grad = ArrayD::zeros(self.scores.raw_dim());
        for (k, ends) in cuts.windows(2).enumerate() {
            let mut dims = self.scores.shape().to_vec();
            dims[1] = ends[1] - ends[0];
            let part = arena.read(&bytes, &format!("grad{k}")).expect("a part");
            let part = loaded(part, self.dtype, &dims, 0, &self.name);
            grad.slice_axis_mut(ndarray::Axis(1), (ends[0]..ends[1]).into()).assign(&part);
        }
        Ok((bytes, Some(grad)))
    }

    fn put_targets(&self, arena: &mut Arena, first: usize, end: usize, suffix: &str) {
        let name = format!("targets{suffix}");
        match &self.targets {
            OwnedTargets::Classes(labels) => arena.put(&name, plain_bytes(labels)),
            OwnedTargets::Lists(offsets, indices) => {
                arena.put(&name, &offsets.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
                // A binding has at least one entry.
                let indices = if indices.is_empty() { &[0][..] } else { indices };
                arena.put("target_indices", &indices.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
            }
            OwnedTargets::MultiHot(bytes) => {
                arena.put(&name, &classes(bytes, first, end).iter().copied().collect::<Vec<_>>());
            }
            OwnedTargets::Logits(teacher) => arena.put(&name, plain_bytes(&classes(teacher, first, end))),
            OwnedTargets::LogitsF16(teacher) => arena.put(&name, plain_bytes(&classes(teacher, first, end))),
            OwnedTargets::LogitsBf16(teacher) => arena.put(&name, plain_bytes(&classes(teacher, first, end))),
            OwnedTargets::Probabilities(p) => {
                let bytes: Vec<u8> = classes(p, first, end).iter().flat_map(|v| v.to_le_bytes()).collect();
                arena.put(&name, &bytes);
            }
        }
    }
}

/// An array's bytes, as host and device alike store them.
fn plain_bytes<T: bytemuck::NoUninit>(array: &ArrayD<T>) -> &[u8] {
    bytemuck::cast_slice(array.as_slice().expect("row-major"))
}

/// Each row's statistics, from the records of all shards, one shard after another.
fn merged_on_the_host(spec: &Spec, shards: &[u8], count: usize) -> Vec<RowStatistics> {
    let records: Vec<RowStatistics> = bytemuck::pod_collect_to_vec(shards);
    let rows = records.len() / count;
    let of = |row: usize| (0..count).map(|k| records[k * rows + row]).collect::<Vec<_>>();
    (0..rows).map(|row| RowStatistics::merge(spec, &of(row)).expect("at least one shard")).collect()
}

/// All of these in one encoder.
pub fn submit<'a>(gpu: &GpuLoss, work: impl Iterator<Item = (&'a Plan, Buffers<'a>)>) -> Result<()> {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    for (plan, buffers) in work {
        plan.encode(&mut encoder, &fitting(plan, buffers))?;
    }
    gpu.queue().submit([encoder.finish()]);
    Ok(())
}

/// Without the outputs that a plan does not write.
pub fn fitting<'a>(plan: &Plan, buffers: Buffers<'a>) -> Buffers<'a> {
    let (layout, want) = (plan.layout(), plan.layout().outputs);
    let loses = matches!(layout.mode, Mode::Whole | Mode::Merge { .. });
    let losses = want.losses || plan.spec().reduction == Reduction::None || plan.spec().kind.per_row();
    let grad = match layout.mode {
        Mode::Whole => want.grad && !layout.in_place,
        Mode::Gradient => !layout.in_place,
        _ => false,
    };
    const NONE: Option<&wgpu::Buffer> = None;
    let buffers = if grad { buffers } else { buffers.grad(NONE) };
    let buffers = if loses { buffers } else { buffers.loss(NONE) };
    let buffers = if loses && losses { buffers } else { buffers.losses(NONE) };
    let buffers = if loses && want.lse { buffers } else { buffers.lse(NONE) };
    let buffers = if loses && want.argmax { buffers } else { buffers.argmax(NONE) };
    let buffers = if loses && want.log_prob { buffers } else { buffers.log_prob(NONE) };
    let buffers = if loses && want.entropy { buffers } else { buffers.entropy(NONE) };
    let buffers = if loses && want.rank { buffers } else { buffers.rank(NONE) };
    let sums = want.grad_class_bias && (layout.mode == Mode::Gradient || layout.mode == Mode::Whole && want.grad);
    let buffers = if sums { buffers } else { buffers.grad_class_bias(NONE) };
    if layout.statistics || layout.mode != Mode::Whole { buffers } else { buffers.statistics(NONE) }
}

/// Whether an upstream gradient for the reduced loss means something here.
pub fn takes_arriving(spec: &Spec) -> bool {
    spec.reduction != Reduction::None
}

/// How far an output lies from the reference, by what its type promises.
pub fn difference(output: &Output<f64, IxDyn>, dtype: Dtype, reference: &Reference) -> Difference {
    fn of<T: Element>(output: &Output<f64, IxDyn>, reference: &Reference, narrow: impl Fn(f64) -> T) -> Difference {
        let mut narrowed = Output::new(output.loss);
        narrowed.grad = output.grad.as_ref().map(|grad| grad.mapv(narrow));
        (narrowed.losses, narrowed.lse) = (output.losses.clone(), output.lse.clone());
        (narrowed.argmax, narrowed.correct) = (output.argmax.clone(), output.correct);
        (narrowed.log_prob, narrowed.entropy) = (output.log_prob.clone(), output.entropy.clone());
        (narrowed.rank, narrowed.grad_class_bias) = (output.rank.clone(), output.grad_class_bias.clone());
        reference::compare(&narrowed, reference)
    }
    match dtype {
        Dtype::F32 => of(output, reference, |v| v as f32),
        Dtype::F16 => of(output, reference, f16::from_f64),
        Dtype::Bf16 => of(output, reference, bf16::from_f64),
    }
}
