//! Waiting for a submission, with an end to every wait.

use std::time::{Duration, Instant};

use super::readback::{End, READING};
use super::{Context, caught, turn};
use crate::error::Error;

/// The longest that wgpu is asked to wait at a time: meanwhile it holds locks that other threads need, and on GL no
/// wait of its own is longer than 4.3 s.
const SLICE: Duration = Duration::from_millis(100);
/// Between two looks: for a callback that another thread is about to call, or for what takes longer than a slice.
const PAUSE: Duration = Duration::from_millis(1);

/// Polls a device until a mapping has ended, or gives up.
pub(super) struct Watch {
    device: wgpu::Device,
    backend: wgpu::Backend,
    submission: wgpu::SubmissionIndex,
    limit: Duration,
    end: End,
}

impl Watch {
    pub(super) fn new(context: &Context, submission: wgpu::SubmissionIndex, end: End) -> Self {
        let (device, backend) = (context.device.clone(), context.info.backend);
        Watch { device, backend, submission, limit: context.time_limit(), end }
    }

    /// Returns once the end is told: by the mapping's callback or, in the end, by this.
    pub(super) fn keep(&self) {
        let begin = Instant::now();
        while !self.end.is_told() {
            let left = self.limit.saturating_sub(begin.elapsed());
            let poll = wgpu::PollType::Wait {
                submission_index: Some(self.submission.clone()),
                timeout: Some(left.min(SLICE)),
            };
            let polled = caught(READING, || {
                let _turn = turn(self.backend);
                self.device.poll(poll)
            });
            match polled {
                Ok(Ok(_)) if self.end.is_told() => return,
                // Others have their turn too.
                Ok(Ok(_) | Err(wgpu::PollError::Timeout)) => std::thread::sleep(PAUSE.min(left)),
                Ok(Err(error)) => {
                    return self.end.tell(Err(Error::Device { during: READING, message: error.to_string() }));
                }
                Err(error) => return self.end.tell(Err(error)),
            }
            if left.is_zero() {
                return self.end.tell(Err(Error::Timeout { during: READING, limit: self.limit }));
            }
        }
    }
}
