//! Waits that do not end by themselves.

use std::time::{Duration, Instant};

use gpu_loss::fault::Fault;
use gpu_loss::{Batch, Error, GpuLoss, SoftmaxCe};
use ndarray::Array2;

use crate::{on_every_adapter, run, serves, strike_once};

/// Runs a batch by the async method.
fn run_async(gpu: &GpuLoss) -> Result<f32, Error> {
    let scores = Array2::<f32>::zeros((3, 4));
    let batch = Batch::new(scores.view(), &[0_i64, 1, 2]);
    pollster::block_on(gpu.run_async(&SoftmaxCe::default(), &batch)).map(|output| output.loss)
}

#[test]
fn a_mapping_whose_callback_never_comes_is_a_timeout() {
    for blocking in [true, false] {
        on_every_adapter(|gpu| {
            strike_once(gpu, "mapping", Fault::Silence);
            gpu.set_time_limit(Duration::from_millis(300));
            assert_eq!(gpu.time_limit(), Duration::from_millis(300));
            let begin = Instant::now();
            let error = if blocking { run(gpu).map(|output| output.loss) } else { run_async(gpu) };
            let error = error.expect_err("nothing comes");
            assert_eq!(error.to_string(), "the device did not answer within 300ms while reading results back");
            assert!(begin.elapsed() >= Duration::from_millis(300));
            // Kernels are built before, on a busy machine in many seconds; the wait itself is short.
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
            gpu.set_time_limit(Duration::from_secs(120));
            serves(gpu);
        });
    }
}

/// Without any fault put in: more work than the limit allows. Where a driver computes while it takes work in, nothing
/// is left to wait for, and the results come.
#[test]
fn work_that_takes_longer_than_the_limit_is_a_timeout() {
    let scores = Array2::<f32>::from_elem((1000, 4000), 0.5);
    let labels = vec![7_i64; 1000];
    on_every_adapter(|gpu| {
        let batch = Batch::new(scores.view(), &labels);
        let expected = gpu.softmax_ce(&batch).expect("time enough").loss;
        gpu.set_time_limit(Duration::ZERO);
        let mut timeouts = 0;
        for _ in 0..3 {
            match gpu.softmax_ce(&batch) {
                Ok(output) => assert_eq!(output.loss.to_bits(), expected.to_bits()),
                Err(Error::Timeout { limit, .. }) => {
                    assert_eq!(limit, Duration::ZERO);
                    timeouts += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        let vulkan = gpu.adapter_info().backend == gpu_loss::wgpu::Backend::Vulkan;
        assert!(timeouts > 0 || !vulkan, "lavapipe computes on a thread of its own");
        // Later calls wait behind what is still at work, and come out right.
        gpu.set_time_limit(Duration::from_secs(120));
        assert_eq!(gpu.softmax_ce(&batch).expect("time enough").loss.to_bits(), expected.to_bits());
    });
}

#[test]
fn a_mapping_that_fails_is_an_error_and_the_next_batch_is_served() {
    on_every_adapter(|gpu| {
        strike_once(gpu, "mapping", Fault::MappingFails);
        let error = run(gpu).expect_err("the mapping fails");
        let text = "the device failed while reading results back: the results could not be mapped";
        assert_eq!(error.to_string(), text);
        serves(gpu);
    });
}

/// Where a poll of another thread panics, wgpu drops the callbacks that it was about to call, though their buffers are mapped.
/// That batch waited until the time was over.
#[test]
fn a_mapping_whose_callback_is_dropped_is_read_all_the_same() {
    on_every_adapter(|gpu| {
        strike_once(gpu, "mapping", Fault::Dropped);
        gpu.set_time_limit(Duration::from_secs(20));
        serves(gpu);
        serves(gpu);
    });
}

/// Futures that are dropped in flight leave nothing behind that the next batch trips over.
#[test]
fn a_future_dropped_in_flight_harms_nobody() {
    on_every_adapter(|gpu| {
        serves(gpu);
        let scores = Array2::<f32>::zeros((3, 4));
        for _ in 0..20 {
            let batch = Batch::new(scores.view(), &[3_i64, 3, 3]);
            let loss = SoftmaxCe::default();
            let mut future = std::pin::pin!(gpu.run_async(&loss, &batch));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = future.as_mut().poll(&mut context).is_pending();
        }
        serves(gpu);
    });
}

/// Many small batches at once on one device, half of them waited for on another thread: each comes back, and is right.
/// `GPU_LOSS_ROUNDS` has it go on for longer.
#[test]
fn tiny_batches_of_eight_threads_all_come_back() {
    let rounds: usize = std::env::var("GPU_LOSS_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    on_every_adapter(|gpu| {
        std::thread::scope(|scope| {
            for thread in 0..8_usize {
                scope.spawn(move || {
                    for round in 0..rounds {
                        let (rows, classes) = (1 + (thread + round) % 3, [2, 4, 5, 9][(thread * 7 + round) % 4]);
                        let scores = Array2::<f32>::from_elem((rows, classes), thread as f32);
                        let labels = vec![1_i64; rows];
                        let batch = Batch::new(scores.view(), &labels);
                        let loss = SoftmaxCe::default();
                        let begin = Instant::now();
                        let output = match round % 2 {
                            0 => gpu.run(&loss, &batch),
                            _ => pollster::block_on(gpu.run_async(&loss, &batch)),
                        };
                        let what = || format!("{rows} × {classes} in round {round}, {:?}", begin.elapsed());
                        let output = output.unwrap_or_else(|error| panic!("{}: {error}", what()));
                        let expected = (classes as f32).ln();
                        assert!((output.loss - expected).abs() < 1e-5, "{}: {}", what(), output.loss);
                    }
                });
            }
        });
    });
}
