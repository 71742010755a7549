//! Devices, one after another: each is shared by several threads until it is lost on purpose.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gpu_loss::{GpuLoss, wgpu};

use super::tally::{Tally, add};
use super::worker::Worker;
use super::{HANG, THREADS};

/// What the threads of one device know of each other.
#[derive(Debug, Default)]
pub(super) struct Generation {
    /// The device is about to be destroyed, or is.
    pub(super) lost: AtomicBool,
    /// Time is up.
    pub(super) over: AtomicBool,
    /// Checks that came to an end.
    pub(super) steps: AtomicU64,
}

/// Opens an adapter's devices and loses them.
pub(super) struct Keeper<'a> {
    pub(super) adapter: &'a wgpu::Adapter,
    pub(super) place: usize,
    pub(super) seed: u64,
    pub(super) end: Instant,
    pub(super) tally: &'a Tally,
}

/// No device is lost so late that its successor has no time.
const LAST: Duration = Duration::from_secs(20);
/// Checks that come to an end before a device is lost.
const STEPS: u64 = 3;
const STEP: Duration = Duration::from_millis(50);

impl Keeper<'_> {
    pub(super) fn keep(&self) {
        let slot = self.place * (THREADS + 1);
        let mut after_a_loss = false;
        for number in 0_u64.. {
            self.tally.beat(slot);
            let gpu = match GpuLoss::on_adapter(self.adapter) {
                Ok(gpu) => gpu,
                Err(error) => {
                    self.tally.fault(&format!("no device number {number}: {error}"));
                    break;
                }
            };
            let device = gpu.device().clone();
            let new = alive(&device);
            let generation = Generation::default();
            let lost = self.live(&gpu, &generation, number);
            drop(gpu);
            if after_a_loss && generation.steps.load(Ordering::Relaxed) > 0 {
                add(&self.tally.recovered, 1);
            }
            self.check_nothing_left(&device, new, number);
            after_a_loss = lost;
            if !lost {
                break;
            }
        }
        self.tally.rest(slot);
    }

    /// Lets threads work on a device until it is lost, or time is up; says which.
    fn live(&self, gpu: &GpuLoss, generation: &Generation, number: u64) -> bool {
        let slot = self.place * (THREADS + 1);
        let mut random = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((self.place as u64) << 32);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (adapter, tally, slot, seed) = (self.adapter, self.tally, slot + 1 + thread, random);
                let worker =
                    Worker { adapter, device: gpu.device(), queue: gpu.queue(), generation, tally, slot, seed };
                scope.spawn(move || {
                    if std::panic::catch_unwind(AssertUnwindSafe(|| worker.work())).is_err() {
                        tally.fault("a thread panicked");
                        tally.rest(worker.slot);
                    }
                });
            }
            // 5 to 25 s, and a few steps at least, so that it shows whether a lost device's successor works.
            let death = Instant::now() + Duration::from_millis(5000 + (random >> 33) % 20_000);
            let is_young = || Instant::now() < death || generation.steps.load(Ordering::Relaxed) < STEPS;
            while is_young() && Instant::now() < self.end {
                self.tally.beat(slot);
                std::thread::sleep(STEP);
            }
            let lost = Instant::now() + LAST < self.end;
            if lost {
                generation.lost.store(true, Ordering::SeqCst);
                gpu.device().destroy();
                add(&self.tally.injected, 1);
            } else {
                while Instant::now() < self.end {
                    self.tally.beat(slot);
                    std::thread::sleep(STEP);
                }
                generation.over.store(true, Ordering::SeqCst);
            }
            // What comes now is up to the threads, which are watched themselves.
            self.tally.rest(slot);
            lost
        })
    }

    /// Everything that the threads made is gone once they are.
    fn check_nothing_left(&self, device: &wgpu::Device, new: [isize; 8], number: u64) {
        let begin = Instant::now();
        loop {
            let polled = device.poll(wgpu::PollType::Poll);
            let now = alive(device);
            let left: isize = now.iter().zip(new).map(|(now, new)| (now - new).max(0)).sum();
            if left == 0 {
                return;
            }
            // Waits of dropped futures may still hold the device.
            if begin.elapsed() > HANG / 10 {
                add(&self.tally.left, left as u64);
                let what = format!("device number {number} keeps {now:?} objects where it had {new:?} ({polled:?})");
                return self.tally.fault(&what);
            }
            std::thread::sleep(STEP);
        }
    }
}

/// Objects that a device keeps, by wgpu's own counters.
fn alive(device: &wgpu::Device) -> [isize; 8] {
    let hal = device.get_internal_counters().hal;
    [
        hal.buffers.read(),
        hal.bind_groups.read(),
        hal.bind_group_layouts.read(),
        hal.pipeline_layouts.read(),
        hal.compute_pipelines.read(),
        hal.shader_modules.read(),
        hal.query_sets.read(),
        hal.memory_allocations.read(),
    ]
}
