//! A linear loss on host arrays: to the device, a plan run, results back.

use std::borrow::Cow;

use ndarray::{Array1, Array2, ArrayView, Dimension};

use super::batch::{LinearBatch, LinearOutput};
use super::buffers::LinearBuffers;
use super::layout::LinearLayout;
use super::plan::LinearPlan;
use crate::batch::{Element, Integers};
use crate::device::{Context, Wait, guarded, read};
use crate::error::{Error, Result};
use crate::plan::{Region, STATUS_BYTES, Status};

/// Where each result lies among all, in bytes.
#[derive(Debug, Clone, Copy)]
struct Places {
    loss: u64,
    status: u64,
    losses: u64,
    lse: Option<u64>,
    argmax: Option<u64>,
    log_probs: Option<u64>,
    grad_bias: Option<u64>,
    grad_hidden: Option<u64>,
    grad_weight: Option<u64>,
    total: u64,
}

impl Places {
    fn new(layout: &LinearLayout, alignment: u64) -> Self {
        let rows = layout.rows as u64 * 4;
        let mut total = 0;
        let mut place = |wanted: bool, bytes: u64| {
            let at = total;
            if wanted {
                total = (at + bytes.next_multiple_of(16)).next_multiple_of(alignment.max(16));
            }
            wanted.then_some(at)
        };
        let weights = layout.vocabulary as u64 * layout.hidden as u64 * 4;
        let loss = place(true, 4).unwrap_or_default();
        let status = place(true, STATUS_BYTES).unwrap_or_default();
        let losses = place(true, rows).unwrap_or_default();
        let lse = place(layout.lse, rows);
        let argmax = place(layout.argmax, rows);
        let log_probs = place(layout.log_probs, rows);
        let grad_bias = place(layout.grad_bias, layout.vocabulary as u64 * 4);
        let grad_hidden = place(layout.grad_hidden, layout.hidden_bytes());
        let grad_weight = place(layout.grad_weight, weights);
        Places { loss, status, losses, lse, argmax, log_probs, grad_bias, grad_hidden, grad_weight, total }
    }
}

/// The device buffers of one call.
struct Device {
    hidden: wgpu::Buffer,
    weight: wgpu::Buffer,
    targets: wgpu::Buffer,
    bias: Option<wgpu::Buffer>,
    upstream: Option<wgpu::Buffer>,
    results: wgpu::Buffer,
    staging: wgpu::Buffer,
}

/// Runs a plan on host arrays that were checked.
pub(crate) async fn run<T: Element>(
    context: &Context,
    plan: &LinearPlan,
    batch: &LinearBatch<'_, T>,
    wait: Wait,
) -> Result<LinearOutput<T>> {
    let layout = plan.layout;
    let places = Places::new(&layout, u64::from(context.limits.min_storage_buffer_offset_alignment));
    if places.total > context.limits.max_buffer_size {
        let (got, needed) = (context.limits.max_buffer_size, places.total);
        return Err(Error::Limit { limit: "max_buffer_size", got, needed, what: "the results in one buffer".into() });
    }
    let device = upload(context, &layout, batch, places.total).await?;
    let submission = {
        let buffers = device.buffers(&layout, &places);
        plan.submit(&buffers)?;
        guarded(context, "fetching results", || {
            let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&device.results, 0, &device.staging, 0, places.total);
            context.queue.submit([encoder.finish()])
        })
        .await?
    };
    plan.forget_buffers();
    let take = |bytes: &[u8]| collect(&layout, batch, &places, bytes);
    read(context, &device.staging, places.total, submission, wait, take).await?
}

async fn upload<T: Element>(
    context: &Context,
    layout: &LinearLayout,
    batch: &LinearBatch<'_, T>,
    results: u64,
) -> Result<Device> {
    let targets = match batch.labels()? {
        Integers::I32(labels) => bytes(labels.view()).into_owned(),
        Integers::I64(labels) => bytes(labels.view()).into_owned(),
        Integers::U32(labels) => bytes(labels.view()).into_owned(),
    };
    let upstream = batch.upstream.filter(|_| !layout.is_evaluation());
    guarded(context, "writing a batch", || {
        let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let buffer = |label: &str, size: u64, usage| {
            let size = size.next_multiple_of(16).max(16);
            let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
            context.device.create_buffer(&descriptor)
        };
        let filled = |label: &str, bytes: &[u8]| {
            let made = buffer(label, bytes.len() as u64, storage);
            let mut padded = Cow::Borrowed(bytes);
            if !bytes.len().is_multiple_of(4) {
                padded.to_mut().resize(bytes.len().next_multiple_of(4), 0);
            }
            context.queue.write_buffer(&made, 0, &padded);
            made
        };
        Device {
            hidden: filled("gpu-loss hidden", &bytes(batch.hidden)),
            weight: filled("gpu-loss weight", &bytes(batch.weight)),
            targets: filled("gpu-loss targets", &targets),
            bias: batch.bias.map(|bias| filled("gpu-loss bias", &bytes(bias))),
            upstream: upstream.map(|upstream| filled("gpu-loss upstream", &bytes(upstream))),
            results: buffer("gpu-loss results", results, storage | wgpu::BufferUsages::COPY_SRC),
            staging: buffer("gpu-loss staging", results, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
        }
    })
    .await
}

impl Device {
    fn buffers(&self, layout: &LinearLayout, places: &Places) -> LinearBuffers<'_> {
        let (rows, classes) = (layout.rows as u64 * 4, layout.vocabulary as u64 * 4);
        let result = |offset: u64, bytes: u64| Region::new(&self.results, offset, bytes.next_multiple_of(16));
        LinearBuffers::new(&self.hidden, &self.weight, &self.targets)
            .bias(self.bias.as_ref())
            .upstream(self.upstream.as_ref())
            .loss(result(places.loss, 4))
            .status(result(places.status, STATUS_BYTES))
            .losses(result(places.losses, rows))
            .lse(places.lse.map(|offset| result(offset, rows)))
            .argmax(places.argmax.map(|offset| result(offset, rows)))
            .log_probs(places.log_probs.map(|offset| result(offset, rows)))
            .grad_bias(places.grad_bias.map(|offset| result(offset, classes)))
            .grad_hidden(places.grad_hidden.map(|offset| result(offset, layout.hidden_bytes())))
            .grad_weight(places.grad_weight.map(|offset| result(offset, classes * layout.hidden as u64)))
    }
}

/// An array's elements in row-major order as bytes.
fn bytes<'a, T: bytemuck::Pod, D: Dimension>(array: ArrayView<'a, T, D>) -> Cow<'a, [u8]> {
    match array.to_slice() {
        Some(slice) => Cow::Borrowed(bytemuck::cast_slice(slice)),
        None => Cow::Owned(array.iter().flat_map(|v| bytemuck::bytes_of(v).to_vec()).collect()),
    }
}

fn collect<T: Element>(
    layout: &LinearLayout,
    batch: &LinearBatch<'_, T>,
    places: &Places,
    bytes: &[u8],
) -> Result<LinearOutput<T>> {
    let status: Status =
        take::<Status>(bytes, places.status, 1)?.first().copied().unwrap_or_else(bytemuck::Zeroable::zeroed);
    if let Some(row) = status.first_bad_row() {
        return Err(Error::ClassOutOfRange {
            row: u64::from(row),
            class: batch.labels()?.iter().nth(row as usize).unwrap_or_default(),
            classes: layout.vocabulary as u64,
            count: u64::from(status.bad_rows),
        });
    }
    let (rows, hidden, classes) = (layout.rows, layout.hidden, layout.vocabulary);
    let of_rows = |at: Option<u64>| at.map(|at| take(bytes, at, rows).map(Array1::from_vec)).transpose();
    Ok(LinearOutput {
        loss: take(bytes, places.loss, 1)?.first().copied().unwrap_or(f32::NAN),
        losses: Array1::from_vec(take(bytes, places.losses, rows)?),
        grad_hidden: places.grad_hidden.map(|at| matrix(bytes, at, rows, hidden)).transpose()?,
        grad_weight: places.grad_weight.map(|at| matrix(bytes, at, classes, hidden)).transpose()?,
        grad_bias: places.grad_bias.map(|at| take(bytes, at, classes).map(Array1::from_vec)).transpose()?,
        lse: of_rows(places.lse)?,
        argmax: places.argmax.map(|at| take(bytes, at, rows).map(Array1::from_vec)).transpose()?,
        correct: layout.correct.then_some(u64::from(status.correct_rows)),
        log_probs: of_rows(places.log_probs)?,
    })
}

fn take<E: bytemuck::Pod>(bytes: &[u8], at: u64, count: usize) -> Result<Vec<E>> {
    let (at, length) = (at as usize, count * size_of::<E>());
    match bytes.get(at..at + length) {
        Some(part) => Ok(bytemuck::pod_collect_to_vec(part)),
        None => Err(Error::Shape { what: "result", got: vec![bytes.len()], expected: vec![at + length] }),
    }
}

fn matrix<E: bytemuck::Pod>(bytes: &[u8], at: u64, rows: usize, columns: usize) -> Result<Array2<E>> {
    let elements = take(bytes, at, rows * columns)?;
    let (got, expected) = (vec![elements.len()], vec![rows, columns]);
    Array2::from_shape_vec((rows, columns), elements).map_err(|_| Error::Shape { what: "result", got, expected })
}

impl<T: Element> LinearOutput<T> {
    /// The results of a batch without rows.
    pub(crate) fn empty(loss: f32, layout: &LinearLayout) -> Self {
        let (hidden, classes) = (layout.hidden, layout.vocabulary);
        let nothing = || Array1::zeros(0);
        LinearOutput {
            loss,
            losses: nothing(),
            grad_hidden: layout.grad_hidden.then(|| Array2::from_elem((0, hidden), T::default())),
            grad_weight: layout.grad_weight.then(|| Array2::zeros((classes, hidden))),
            grad_bias: layout.grad_bias.then(|| Array1::zeros(classes)),
            lse: layout.lse.then(nothing),
            argmax: layout.argmax.then(|| Array1::zeros(0)),
            correct: layout.correct.then_some(0),
            log_probs: layout.log_probs.then(nothing),
        }
    }
}
