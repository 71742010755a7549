//! A head on the device: its buffers, its plans, and the check of what they compute.

use std::time::{Duration, Instant};

use gpu_loss::linear::{LinearBuffers, LinearCe, LinearLayout, LinearPlan};
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Shape, SoftmaxCe, wgpu};
use ndarray::Array1;

use super::Case;
use super::arrays::{Arrays, Expected, stored, widened};
use crate::bench::memory::{check_room, fill, read, reserve, staging, upload, wait};
use crate::failure::Failure;

/// What f32 gradients may be off by, relative to the largest. More than is promised: weights that repeat round alike, and
/// their errors add up.
const F32_SHARE: f64 = 2e-4;
/// Classes whose gradients are checked, beside those of labels.
const CHECKED: usize = 64;

/// A batch of a head in buffers.
pub(super) struct Loaded {
    case: Case,
    pub(super) plan: LinearPlan,
    hidden: wgpu::Buffer,
    weight: wgpu::Buffer,
    targets: wgpu::Buffer,
    losses: wgpu::Buffer,
    loss: wgpu::Buffer,
    /// Of hidden states and weights.
    grads: Option<[wgpu::Buffer; 2]>,
    /// The loss of a chunk by itself, over logits of its own.
    alone: Option<(Plan, wgpu::Buffer)>,
    arrays: Arrays,
}

impl Loaded {
    pub(super) fn new(gpu: &GpuLoss, case: &Case) -> Result<Self, Failure> {
        let Case { head, rows, dtype, evaluation } = *case;
        let failed = |error: gpu_loss::Error| Failure::library(&error, None);
        let weights = (head.hidden * head.vocabulary) as u64;
        let size = dtype.size() as u64;
        check_room(gpu, weights * if evaluation { size } else { size + 4 })?;
        let layout = match evaluation {
            true => LinearLayout::evaluation(rows, head.hidden, head.vocabulary, dtype),
            false => LinearLayout::new(rows, head.hidden, head.vocabulary, dtype),
        };
        let plan = gpu.plan_linear(&LinearCe::default(), &layout).map_err(failed)?;
        let arrays = Arrays::new(case);
        let states = (rows * head.hidden) as u64 * size;
        let hidden = reserve(gpu, "hidden states", states)?;
        fill(gpu, &hidden, &stored(&arrays.hidden, dtype))?;
        let weight = reserve(gpu, "weights", weights * size)?;
        fill(gpu, &weight, &stored(&arrays.weight, dtype))?;
        let labels: Vec<u8> = arrays.labels.iter().flat_map(|label| (*label as i64).to_le_bytes()).collect();
        let grads = match evaluation {
            true => None,
            false => Some([reserve(gpu, "gradients", states)?, reserve(gpu, "gradients", weights * 4)?]),
        };
        let alone =
            if evaluation { None } else { Some(loss_alone(gpu, plan.chunk_rows().min(rows), head.vocabulary)?) };
        Ok(Loaded {
            case: *case,
            plan,
            hidden,
            weight,
            targets: upload(gpu, "labels", &labels)?,
            losses: reserve(gpu, "losses", rows as u64 * 4)?,
            loss: reserve(gpu, "the loss", 16)?,
            grads,
            alone,
            arrays,
        })
    }

    /// From submission until done.
    pub(super) fn run(&self, gpu: &GpuLoss) -> Result<Duration, Failure> {
        let start = Instant::now();
        let mut buffers = LinearBuffers::new(&self.hidden, &self.weight, &self.targets);
        buffers = buffers.losses(&self.losses).loss(&self.loss);
        if let Some([grad_hidden, grad_weight]) = &self.grads {
            buffers = buffers.grad_hidden(grad_hidden).grad_weight(grad_weight);
        }
        self.plan.submit(&buffers).map_err(|error| Failure::library(&error, None))?;
        wait(gpu)?;
        Ok(start.elapsed())
    }

    /// What the loss kernels of all chunks take.
    pub(super) fn run_loss(&self, gpu: &GpuLoss) -> Result<Option<Duration>, Failure> {
        let Some((plan, logits)) = &self.alone else { return Ok(None) };
        let start = Instant::now();
        for _ in 0..self.case.rows.div_ceil(plan.layout().shape.n) {
            let buffers = Buffers::new(logits, &self.targets).loss(&self.loss);
            pollster::block_on(plan.submit(&buffers)).map_err(|error| Failure::library(&error, None))?;
        }
        wait(gpu)?;
        Ok(Some(start.elapsed()))
    }

    /// Runs once, and holds all losses, the hidden states' gradient and some classes' against the reference.
    pub(super) fn check(&self, gpu: &GpuLoss) -> Result<(), Failure> {
        // What is not written shows.
        for buffer in [&self.losses, &self.loss].into_iter().chain(self.grads.iter().flatten()) {
            fill(gpu, buffer, &[0xff; 4096])?;
        }
        self.run(gpu)?;
        let Case { head, rows, .. } = self.case;
        let expected = self.arrays.expected(&self.case);
        let staging = staging(gpu, (rows.max(head.hidden) * 4) as u64)?;
        let losses = widened(&read(gpu, &self.losses, 0, &staging, rows as u64 * 4)?, Dtype::F32);
        for (row, (got, want)) in losses.iter().zip(&expected.losses).enumerate() {
            self.hold("the loss of row", row, *got, *want, 2e-6 + 1e-5 * want.abs())?;
        }
        let mean = widened(&read(gpu, &self.loss, 0, &staging, 4)?, Dtype::F32)[0];
        let want = expected.losses.iter().sum::<f64>() / rows as f64;
        self.hold("the loss, a mean of rows", rows, mean, want, 2e-6 + 1e-5 * want.abs())?;
        self.check_gradients(gpu, &expected, &staging)
    }

    fn check_gradients(&self, gpu: &GpuLoss, expected: &Expected, staging: &wgpu::Buffer) -> Result<(), Failure> {
        let Some([grad_hidden, grad_weight]) = &self.grads else { return Ok(()) };
        let Case { head, rows, dtype, .. } = self.case;
        let share = match dtype {
            Dtype::F32 => F32_SHARE,
            Dtype::F16 => 1e-3,
            Dtype::Bf16 => 4e-3,
        };
        let apart = head.vocabulary / CHECKED;
        let classes = self.arrays.labels.iter().copied().take(CHECKED).chain((0..CHECKED).map(|k| k * apart));
        let wanted: Vec<_> = (0..rows).map(|row| (row, self.arrays.grad_hidden(expected, row))).collect();
        self.lines(gpu, (grad_hidden, dtype, share), staging, &wanted)?;
        let wanted: Vec<_> = classes.map(|class| (class, self.arrays.grad_weight(expected, class))).collect();
        self.lines(gpu, (grad_weight, Dtype::F32, F32_SHARE), staging, &wanted)
    }

    /// Holds lines of a matrix against what they must be, relative to the largest of them.
    fn lines(
        &self,
        gpu: &GpuLoss,
        (matrix, dtype, share): (&wgpu::Buffer, Dtype, f64),
        staging: &wgpu::Buffer,
        wanted: &[(usize, Array1<f64>)],
    ) -> Result<(), Failure> {
        let largest = wanted.iter().flat_map(|(_, line)| line).fold(0.0_f64, |most, value| most.max(value.abs()));
        let bytes = (self.case.head.hidden * dtype.size()) as u64;
        for (line, want) in wanted {
            let got = widened(&read(gpu, matrix, *line as u64 * bytes, staging, bytes)?, dtype);
            for (got, want) in got.into_iter().zip(want) {
                self.hold("a gradient in line", *line, got, *want, share * largest)?;
            }
        }
        Ok(())
    }

    fn hold(&self, what: &str, at: usize, got: f64, want: f64, within: f64) -> Result<(), Failure> {
        if (got - want).abs() <= within {
            return Ok(());
        }
        Err(Failure::check(format!(
            "{}: {what} {at} is {got}, expected {want} within {within:.1e}; nothing was timed or written",
            self.case
        )))
    }
}

/// The loss of a chunk, in place over logits that it makes gradients of at its first run: numbers of every size all the same.
fn loss_alone(gpu: &GpuLoss, rows: usize, classes: usize) -> Result<(Plan, wgpu::Buffer), Failure> {
    let stride = classes.next_multiple_of(4);
    let layout = Layout::forward_backward(Shape::new(rows, classes), Dtype::F32).in_place().strides(stride, stride);
    let plan = gpu.plan(&SoftmaxCe::default(), &layout).map_err(|error| Failure::library(&error, None))?;
    let logits = reserve(gpu, "logits", (rows * stride * 4) as u64)?;
    let values: Vec<u8> = (0..1013_u32).flat_map(|k| ((k * 7919 % 1013) as f32 / 101.3 - 5.0).to_le_bytes()).collect();
    fill(gpu, &logits, &values)?;
    Ok((plan, logits))
}
