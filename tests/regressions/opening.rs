//! What opens a front door: environment variables, devices and their queues.

use std::process::{Command, Output};

use gpu_loss::builder::AdapterFilter;
use gpu_loss::{Batch, Error, GpuLoss, SoftmaxCe, wgpu};
use ndarray::Array2;

/// This test alone, in a process of its own with a variable set.
fn with_variable(test: &str, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Output {
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", &format!("opening::{test}"), "--nocapture", "--ignored"];
    let output = Command::new(program).args(arguments).env(name, value).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What comes of opening the best adapter, and an adapter under `GPU_LOSS_STRATEGY`.
#[test]
#[ignore = "the tests below run it in processes of its own"]
fn opened() {
    match GpuLoss::new() {
        Ok(gpu) => println!("opened {:?}", gpu.adapter_info().backend),
        Err(error) => println!("refused: {error}"),
    }
}

fn told(name: &str, value: impl AsRef<std::ffi::OsStr>) -> String {
    let output = with_variable("opened", name, value);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find(|line| line.contains("opened ") || line.contains("refused: ")).unwrap_or_default().to_owned()
}

/// An empty `WGPU_BACKEND` was "no backend", and an unknown one did not name what was wrong.
///
/// Meant to fail (not seen yet): with wgpu reading the variable.
#[test]
fn backends_by_an_environment_variable() {
    assert!(told("WGPU_BACKEND", "").contains("opened "), "{}", told("WGPU_BACKEND", ""));
    for unknown in ["vulcan", "vulkan,vulcan"] {
        let text = told("WGPU_BACKEND", unknown);
        let expected = format!("WGPU_BACKEND is {unknown}, expected vulkan, metal, dx12, gl or webgpu");
        assert!(text.contains(&expected), "{text}");
    }
}

/// A `GPU_LOSS_STRATEGY` that is not UTF-8 was ignored.
///
/// Meant to fail (not seen yet): with `std::env::var(..).ok()` in `api/mod.rs`.
#[test]
#[cfg(unix)]
fn a_strategy_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let text = told("GPU_LOSS_STRATEGY", std::ffi::OsStr::from_bytes(b"thread-r\xffw"));
    assert!(text.contains("refused: strategy is thread-r\u{fffd}w, expected one of thread-row, "), "{text}");
    assert!(told("GPU_LOSS_STRATEGY", "").contains("opened "));
}

/// A queue of another device was taken, and the first batch failed, or gave nothing.
///
/// Meant to fail (not seen yet): without `check_queue` in `device/adapter.rs`.
#[test]
fn a_queue_of_another_device_is_refused() {
    for adapter in GpuLoss::adapters(&AdapterFilter::default()) {
        let (required_features, required_limits) = GpuLoss::wanted(&adapter);
        let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
        let [(device, queue), (other, foreign)] =
            [(); 2].map(|()| pollster::block_on(adapter.request_device(&descriptor)).expect("a device"));
        let error = GpuLoss::from_device(&adapter, device.clone(), foreign.clone()).expect_err("another device's");
        let Error::Device { message, .. } = &error else { panic!("{error}") };
        assert!(message.contains("the queue is not this device's"), "{error}");
        // Where its device has a handler of the caller's, too.
        other.on_uncaptured_error(std::sync::Arc::new(|_| {}));
        GpuLoss::from_device(&adapter, device.clone(), foreign).expect_err("another device's");
        let gpu = GpuLoss::from_device(&adapter, device, queue).expect("its own");
        let gpu = &gpu.with_self_test(false);
        let scores = Array2::<f32>::zeros((2, 3));
        gpu.run(&SoftmaxCe::default(), &Batch::new(scores.view(), &[0_i64, 1])).expect("serves");
    }
}
