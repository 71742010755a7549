//! The device is lost, at each moment of a batch's life.

use gpu_loss::fault::Fault;
use gpu_loss::wgpu::util::DeviceExt;
use gpu_loss::{Buffers, Dtype, Error, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};

use crate::common::values::near;
use crate::{on_every_adapter, refuses_from_now_on, run, serves, strike_once};

#[test]
fn before_the_first_batch_the_cause_is_named() {
    on_every_adapter(|gpu| {
        gpu.device().destroy();
        let error = run(gpu).expect_err("lost");
        let text = error.to_string();
        assert!(text.starts_with("the device is lost: it was destroyed (noticed while "), "{text}");
        refuses_from_now_on(gpu, &error);
    });
}

#[test]
fn before_a_plan() {
    on_every_adapter(|gpu| {
        serves(gpu);
        gpu.device().destroy();
        // Kernels that were built before are kept, so that nothing needs building.
        let error =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(5, 4), Dtype::F32)).expect_err("lost");
        refuses_from_now_on(gpu, &error);
    });
}

#[test]
fn before_encoding() {
    on_every_adapter(|gpu| {
        let plan =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(3, 4), Dtype::F32)).expect("a plan");
        let usage = wgpu::BufferUsages::STORAGE;
        let [scores, labels, grad, loss] = [0; 4].map(|byte| {
            let contents = &[byte; 256];
            gpu.device().create_buffer_init(&wgpu::util::BufferInitDescriptor { label: None, contents, usage })
        });
        let buffers = Buffers::new(&scores, &labels).grad(&grad).loss(&loss);
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        // The second time, no object has to be made that could fail.
        plan.encode(&mut encoder, &buffers).expect("encodes");
        gpu.device().destroy();
        let error = plan.encode(&mut encoder, &buffers).expect_err("lost");
        assert!(error.to_string().ends_with("(noticed while encoding a plan)"), "{error}");
        refuses_from_now_on(gpu, &error);
        assert!(matches!(plan.read_status(), Err(Error::DeviceLost { .. })));
    });
}

#[test]
fn at_every_step_of_a_batch() {
    let moments = [
        ("building a kernel", Fault::Destroyed),
        ("building a kernel", Fault::DestroyedAfter),
        ("reserving a plan's buffers", Fault::DestroyedAfter),
        ("reserving a batch's buffers", Fault::DestroyedAfter),
        ("writing a batch", Fault::DestroyedAfter),
        ("submitting a plan", Fault::Destroyed),
    ];
    for (when, how) in moments {
        on_every_adapter(|gpu| {
            strike_once(gpu, when, how);
            let error = run(gpu).expect_err(when);
            assert!(error.to_string().ends_with(&format!("(noticed while {when})")), "{when}: {error}");
            refuses_from_now_on(gpu, &error);
        });
    }
}

#[test]
fn in_flight() {
    on_every_adapter(|gpu| {
        // Submitted, and lost before its results are asked for.
        strike_once(gpu, "mapping", Fault::Destroyed);
        let error = run(gpu).expect_err("lost");
        refuses_from_now_on(gpu, &error);
    });
}

#[test]
fn during_readback() {
    on_every_adapter(|gpu| {
        strike_once(gpu, "reading results back", Fault::DestroyedAfter);
        let error = run(gpu).expect_err("lost");
        refuses_from_now_on(gpu, &error);
    });
}

#[test]
fn while_other_threads_work() {
    on_every_adapter(|gpu| {
        serves(gpu);
        let errors: Vec<Error> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        // A batch whose work was done before the loss may still come out, and is then right.
                        loop {
                            match run(gpu) {
                                Ok(output) => near(output.loss, 4.0_f64.ln()),
                                Err(error) => return error,
                            }
                        }
                    })
                })
                .collect();
            std::thread::sleep(std::time::Duration::from_millis(30));
            gpu.device().destroy();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        for error in &errors {
            refuses_from_now_on(gpu, error);
        }
    });
}

/// On a shared device callbacks are the caller's: nothing is set there, and the loss is noticed all the same.
#[test]
fn of_a_shared_device_whose_callback_is_the_caller_s() {
    for adapter in GpuLoss::adapters(&gpu_loss::builder::AdapterFilter::default()) {
        let (required_features, required_limits) = GpuLoss::wanted(&adapter);
        let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
        let (told, heard) = std::sync::mpsc::channel();
        device.set_device_lost_callback(move |reason, _| {
            let _ = told.send(reason);
        });
        let gpu = GpuLoss::from_device(&adapter, device.clone(), queue).expect("enough for the kernels");
        let gpu = &gpu.with_self_test(false);
        serves(gpu);
        device.destroy();
        let error = run(gpu).expect_err("lost");
        let text = error.to_string();
        assert!(text.starts_with("the device is lost: the driver gave no reason (noticed while "), "{text}");
        refuses_from_now_on(gpu, &error);
        assert_eq!(heard.try_recv(), Ok(wgpu::DeviceLostReason::Destroyed), "her own callback is called");
    }
}
