//! Reading back: what a plan counted, and results in the caller's buffers for those that have no mapping code of their
//! own.

use super::resolve::problem;
use super::status::{STATUS_BYTES, Status};
use super::{Binding, Plan, Region};
use crate::batch::TargetForm;
use crate::device::{Context, Wait, guarded, read};
use crate::error::{Error, Result};
use crate::layout::IntegerType;

/// The values in a range of one of the caller's buffers, once all that was submitted before is done.
pub(crate) async fn values<E: bytemuck::Pod>(
    context: &Context,
    what: &'static str,
    region: Option<Region<'_>>,
    wait: Wait,
) -> Result<Vec<E>> {
    let region = region.ok_or_else(|| problem(what, "missing: there is nothing to read".to_owned()))?;
    let size = region.bytes().map_err(|text| problem(what, text))?;
    let usage = region.buffer.usage();
    if !usage.contains(wgpu::BufferUsages::COPY_SRC) {
        return Err(problem(what, format!("its usage is {usage:?}, expected COPY_SRC among it to read it back")));
    }
    if !region.offset.is_multiple_of(4) || !size.is_multiple_of(4) {
        let text = format!("{size} bytes from offset {} are no whole 32-bit numbers", region.offset);
        return Err(problem(what, text));
    }
    if size == 0 {
        return Ok(Vec::new());
    }
    let (staging, submission) = guarded(context, "reading a buffer", || {
        let staging = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("gpu-loss staging of a reading"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(region.buffer, region.offset, &staging, 0, size);
        (staging, context.queue.submit([encoder.finish()]))
    })
    .await?;
    read(context, &staging, size, submission, wait, bytemuck::pod_collect_to_vec).await
}

impl Plan {
    /// Waits for the plan's work and tells what went wrong in it since the last reading: labels out of range, lists
    /// that mean nothing, probabilities outside [0, 1]. Returns the number of correct rows of the last run (0 unless
    /// [`Outputs::correct`](crate::batch::Outputs::correct)).
    ///
    /// It reads the plan's own status: not that of encodings into [`Buffers::status`](super::Buffers::status).
    ///
    /// # Errors
    /// [`Error::TargetRow`] or [`Error::ProbabilityOutOfRange`] with the first row and how many; faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_status(&self) -> Result<u64> {
        pollster::block_on(self.status_after(Wait::Here))
    }

    /// As [`read_status`](Self::read_status), without blocking.
    ///
    /// # Errors
    /// As [`read_status`](Self::read_status).
    pub async fn read_status_async(&self) -> Result<u64> {
        self.status_after(Wait::Elsewhere).await
    }

    async fn status_after(&self, wait: Wait) -> Result<u64> {
        let context = &self.context;
        let (staging, submission) = guarded(context, "reading a plan's status", || {
            let staging = context.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("gpu-loss status staging"),
                size: 2 * STATUS_BYTES,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let works = std::iter::once(&self.own.work).chain(self.own.apart.get());
            for (work, at) in works.zip([0, STATUS_BYTES]) {
                encoder.copy_buffer_to_buffer(&work.status, 0, &staging, at, STATUS_BYTES);
                encoder.clear_buffer(&work.status, 0, None);
            }
            (staging, context.queue.submit([encoder.finish()]))
        })
        .await?;
        let [own, apart]: [Status; 2] =
            read(context, &staging, 2 * STATUS_BYTES, submission, wait, bytemuck::pod_read_unaligned).await?;
        let status = own.with(&apart);
        if let Some(row) = status.first_bad_row() {
            let problem = match self.layout.targets {
                TargetForm::Classes => {
                    let class = match self.bad_label(u64::from(row), wait).await {
                        Some(label) => format!("class {label}"),
                        None => "the class".to_owned(),
                    };
                    format!("{class} is outside 0..{}", self.layout.all_classes())
                }
                _ => "the class list is not strictly increasing within the classes and indices".to_owned(),
            };
            return Err(Error::TargetRow { row: u64::from(row), problem, count: u64::from(status.bad_rows) });
        }
        if let Some(row) = status.first_outside_row() {
            return Err(Error::ProbabilityOutOfRange { row: u64::from(row), count: u64::from(status.outside_rows) });
        }
        Ok(u64::from(status.correct_rows))
    }

    /// The label of a row that the status tells of, as the targets' buffer of a recent encoding still holds it: only if it
    /// can be read, and is one that means nothing.
    async fn bad_label(&self, row: u64, wait: Wait) -> Option<i64> {
        let bytes = u64::from(self.layout.integers.words()) * 4;
        for targets in self.recent_targets() {
            let (buffer, offset, _) = &targets;
            let label = Region::new(buffer, offset + row * bytes, bytes);
            // What cannot be read is not named: the error that is told says enough without it.
            let Ok(words) = values::<u32>(&self.context, "targets", Some(label), wait).await else { continue };
            let label = match (self.layout.integers, words.as_slice()) {
                (IntegerType::I64, [low, high]) => (u64::from(*high) << 32 | u64::from(*low)) as i64,
                (IntegerType::I32, [word]) => i64::from(*word as i32),
                (IntegerType::U32, [word]) => i64::from(*word),
                _ => continue,
            };
            let means_nothing = !usize::try_from(label).is_ok_and(|class| class < self.layout.all_classes());
            if means_nothing && self.spec.ignore_index != Some(label) {
                return Some(label);
            }
        }
        None
    }

    /// Waits for what was submitted, and reads the reduced loss from the buffer that the plan wrote it to (with the usage
    /// `COPY_SRC`).
    ///
    /// # Errors
    /// What [`read_status`](Self::read_status) tells of; [`Error::Buffer`] for a buffer that
    /// cannot be read or has no 4 bytes; faults of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_loss<'a>(&self, loss: impl Binding<'a>) -> Result<f32> {
        pollster::block_on(self.loss_after(loss.region(), Wait::Here))
    }

    /// As [`read_loss`](Self::read_loss), without blocking.
    ///
    /// # Errors
    /// As [`read_loss`](Self::read_loss).
    pub async fn read_loss_async<'a>(&self, loss: impl Binding<'a>) -> Result<f32> {
        self.loss_after(loss.region(), Wait::Elsewhere).await
    }

    async fn loss_after(&self, loss: Option<Region<'_>>, wait: Wait) -> Result<f32> {
        self.status_after(wait).await?;
        let first = loss.map(|region| match region.bytes() {
            Ok(4..) => Region::new(region.buffer, region.offset, 4),
            _ => region,
        });
        let values: Vec<f32> = values(&self.context, "loss", first, wait).await?;
        values.first().copied().ok_or_else(|| problem("loss", "0 bytes given, 4 needed".to_owned()))
    }
}
