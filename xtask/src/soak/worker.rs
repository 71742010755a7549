//! One thread: a front door of its own on a shared device, one random batch after another.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use gpu_loss::{Error, GpuLoss, verify, wgpu};

use super::generation::Generation;
use super::tally::{Tally, add};

pub(super) struct Worker<'a> {
    pub(super) adapter: &'a wgpu::Adapter,
    pub(super) device: &'a wgpu::Device,
    pub(super) queue: &'a wgpu::Queue,
    pub(super) generation: &'a Generation,
    pub(super) tally: &'a Tally,
    pub(super) slot: usize,
    pub(super) seed: u64,
}

impl Worker<'_> {
    pub(super) fn work(&self) {
        self.tally.beat(self.slot);
        match GpuLoss::from_device(self.adapter, self.device.clone(), self.queue.clone()) {
            Ok(gpu) => self.check_batches(&gpu),
            Err(error) => self.tally.fault(&format!("the device is not taken over: {error}")),
        }
        self.tally.rest(self.slot);
    }

    fn check_batches(&self, gpu: &GpuLoss) {
        // The self-test takes most of the time where it is on, as kinds of batches are many.
        let gpu = &gpu.with_self_test(self.seed.is_multiple_of(4));
        for number in 0_u64.. {
            self.tally.beat(self.slot);
            let case = verify::random(self.seed.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d)));
            let place = || format!("{} [{}]: {case}", gpu.adapter_info().name, gpu.adapter_info().backend);
            if number % 8 == 7 && self.is_dropped_in_flight(gpu, &case) {
                add(&self.tally.dropped, 1);
                continue;
            }
            match pollster::block_on(verify::check(gpu, &case)) {
                Ok(verdicts) => {
                    for verdict in &verdicts {
                        add(&self.tally.steps, 1);
                        add(&self.tally.elements, case.dims().iter().product::<usize>() as u64);
                        if !verdict.difference.kept() {
                            let (place, strategy) = (place(), verdict.strategy.name());
                            self.tally.mismatch(&format!("{place}, {strategy}: {:?}", verdict.difference));
                        }
                    }
                    add(&self.generation.steps, 1);
                }
                Err(Error::DeviceLost { .. }) if self.generation.lost.load(Ordering::SeqCst) => {
                    // From now on it refuses, and names the reason.
                    if !matches!(pollster::block_on(verify::check(gpu, &case)), Err(Error::DeviceLost { .. })) {
                        self.tally.fault(&format!("{}: a lost device is used on", place()));
                    }
                    return;
                }
                Err(error) => self.tally.fault(&format!("{}: {error}", place())),
            }
            if self.generation.over.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Starts a batch and drops it before its results are there, if they take longer than its start.
    fn is_dropped_in_flight(&self, gpu: &GpuLoss, case: &verify::Case) -> bool {
        let mut batch = pin!(verify::check(gpu, case));
        matches!(batch.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
    }
}
