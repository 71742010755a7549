//! Waiting for a submission, with an end to every wait.

use std::time::{Duration, Instant};

use super::mapping::{End, READING};
use super::{Context, caught, turn};
use crate::error::Error;

/// Between two looks at what wgpu does not wait for: a callback that another thread is about to call, or GL.
const PAUSE: Duration = Duration::from_micros(200);

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
            let polled = caught(READING, || {
                let _turn = turn(self.backend);
                self.device.poll(self.poll(left))
            });
            let is_over = begin.elapsed() >= self.limit;
            match polled {
                _ if self.end.is_told() => return,
                // Whatever became of a poll that took all of the time: wgpu asserts that nothing is done in between
                // when a wait is not successful, and something may be.
                _ if is_over => return self.end.tell(Err(Error::Timeout { during: READING, limit: self.limit })),
                Ok(Ok(_) | Err(wgpu::PollError::Timeout)) => std::thread::sleep(PAUSE),
                Ok(Err(error)) => {
                    return self.end.tell(Err(Error::Device { during: READING, message: error.to_string() }));
                }
                Err(error) => return self.end.tell(Err(error)),
            }
        }
    }

    /// Waits for all that is left of the time, but not on GL, whose one context other threads need meanwhile.
    fn poll(&self, left: Duration) -> wgpu::PollType {
        match self.backend {
            wgpu::Backend::Gl => wgpu::PollType::Poll,
            _ => wgpu::PollType::Wait { submission_index: Some(self.submission.clone()), timeout: Some(left) },
        }
    }
}
