//! What a plan's kernels count while they run, and its reading.

use bytemuck::{Pod, Zeroable};

use super::read::values;
use super::{Plan, Region};
use crate::batch::TargetForm;
use crate::device::{Wait, guarded, read};
use crate::error::{Error, Result};
use crate::layout::IntegerType;

/// Bytes of a status on the device.
pub const STATUS_BYTES: u64 = size_of::<Status>() as u64;

/// Where the count of correct rows lies in it.
pub(super) const CORRECT_ROWS_AT: u64 = STATUS_BYTES - 4;

/// `Status` of `shaders/io/status.wgsl`, field by field. Cleared, it is all zeros.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub(crate) struct Status {
    pub(crate) bad_rows: u32,
    pub(crate) before_bad_row: u32,
    pub(crate) outside_rows: u32,
    pub(crate) before_outside_row: u32,
    pub(crate) correct_rows: u32,
}

impl Status {
    /// With what another run counted before this one.
    fn with(self, other: &Status) -> Status {
        Status {
            bad_rows: self.bad_rows.saturating_add(other.bad_rows),
            before_bad_row: self.before_bad_row.max(other.before_bad_row),
            outside_rows: self.outside_rows.saturating_add(other.outside_rows),
            before_outside_row: self.before_outside_row.max(other.before_outside_row),
            correct_rows: self.correct_rows,
        }
    }

    /// The first row whose label or list means nothing, if there is one.
    pub(crate) fn first_bad_row(&self) -> Option<u32> {
        (self.bad_rows > 0).then_some(!self.before_bad_row)
    }

    /// The first row that holds a probability outside [0, 1], if there is one.
    pub(crate) fn first_outside_row(&self) -> Option<u32> {
        (self.outside_rows > 0).then_some(!self.before_outside_row)
    }
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

    pub(super) async fn status_after(&self, wait: Wait) -> Result<u64> {
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
}
