//! Several devices, several threads, and devices that are not shared.

use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::{DType, Device, Int, Tensor};
use gpu_loss_burn::{CrossEntropyLossConfig, share, unshare};

use crate::common::{Numbers, device, floats, tensor};

/// A device of its own on the same adapter, not shared yet.
pub fn unshared() -> (Device, WgpuSetup) {
    let instance = wgpu::Instance::default();
    let adapter =
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())).expect("an adapter");
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        // Burn takes an adapter's features for the device's.
        required_features: adapter.features() & !wgpu::Features::all_experimental_mask(),
        required_limits: adapter.limits(),
        ..Default::default()
    }))
    .expect("a device");
    let setup = WgpuSetup { backend: adapter.get_info().backend, instance, adapter, device, queue };
    (Device::wgpu_options().setup(setup.clone()).init().expect("Burn takes it"), setup)
}

/// One that is not shared and serves all tests: each new one builds its kernels anew.
pub fn composing() -> Device {
    static DEVICE: std::sync::OnceLock<Device> = std::sync::OnceLock::new();
    DEVICE.get_or_init(|| unshared().0.autodiff()).clone()
}

/// A shared device of its own.
pub fn another() -> Device {
    let (device, setup) = unshared();
    share(&device, &setup).expect("it is shared");
    device
}

/// A loss and its gradient that depend on the seed.
pub fn step(device: &Device, seed: u64) -> (f32, Vec<f32>) {
    let mut r = Numbers::new(seed);
    let (n, classes) = (1 + r.below(30), 2 + r.below(60));
    let leaf = tensor(&r.scores(n * classes), [n, classes], DType::F32, device).require_grad();
    let labels: Vec<i32> = (0..n).map(|_| r.below(classes) as i32).collect();
    let loss = CrossEntropyLossConfig::new()
        .with_smoothing(Some(0.1))
        .init(device)
        .forward(leaf.clone() * 1.0, Tensor::<1, Int>::from_ints(labels.as_slice(), device));
    let grads = loss.backward();
    (floats(loss)[0], floats(leaf.grad(&grads).expect("a gradient")))
}

#[test]
fn threads_do_not_disturb_each_other() {
    let device = device();
    let alone: Vec<_> = (0..8).map(|seed| step(&device, seed)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (device, alone) = (device.clone(), &alone);
            scope.spawn(move || {
                for round in 0..10 {
                    let seed = (thread + round) % 8;
                    assert_eq!(step(&device, seed as u64), alone[seed], "thread {thread}, round {round}");
                }
            });
        }
    });
}

#[test]
fn two_devices_of_one_adapter_serve_side_by_side() {
    let (one, two) = (device(), another().autodiff());
    for seed in 0..5 {
        assert_eq!(step(&one, seed), step(&two, seed));
    }
}

#[test]
fn a_device_let_go_and_made_anew_serves_again() {
    for round in 0..3 {
        let device = another();
        let (loss, _) = step(&device.clone().autodiff(), round);
        assert!(loss.is_finite());
        assert!(unshare(&device) && !unshare(&device));
        // Burn's own composition, from now on.
        let (composed, _) = step(&device.autodiff(), round);
        assert!((loss - composed).abs() <= 1e-5 * loss);
    }
}

#[test]
fn devices_that_are_not_shared_compute_the_same() {
    for device in [composing(), Device::flex().autodiff()] {
        for seed in 0..5 {
            let ((loss, grad), (expected, gradient)) = (step(&device, seed), step(&crate::common::device(), seed));
            assert!((loss - expected).abs() <= 1e-5 * expected, "{loss}, expected {expected}");
            for (got, want) in grad.iter().zip(gradient) {
                assert!((got - want).abs() <= 1e-4 * want.abs() + 1e-6, "{got}, expected {want}");
            }
        }
    }
}
