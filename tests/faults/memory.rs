//! The device has no memory left.

use gpu_loss::{AdapterFilter, Error, Fault, GpuLoss, wgpu};

use crate::{on_every_adapter, refuses_from_now_on, run, serves, strike_once};

#[test]
fn out_of_memory_names_what_was_being_done_and_the_next_batch_is_served() {
    for when in ["building a kernel", "reserving a plan's buffers", "reserving a batch's buffers", "submitting a plan"] {
        on_every_adapter(|gpu| {
            strike_once(gpu, when, Fault::OutOfMemory);
            let error = run(gpu).expect_err("no memory");
            assert_eq!(error.to_string(), format!("the device is out of memory while {when}"));
            assert!(matches!(error, Error::OutOfMemory { .. }));
            serves(gpu);
        });
    }
}

/// Adapters of instances that count a part of the memory as all of it, where the driver tells how much there is.
fn adapters_with(thresholds: wgpu::MemoryBudgetThresholds) -> Vec<wgpu::Adapter> {
    let backends = AdapterFilter::default().backends & wgpu::Backends::VULKAN;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = backends;
    descriptor.memory_budget_thresholds = thresholds;
    pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends))
}

/// A driver's own refusal, through all of wgpu.
#[test]
fn a_driver_without_memory_opens_no_device_and_says_why() {
    let thresholds = wgpu::MemoryBudgetThresholds { for_resource_creation: Some(0), for_device_loss: None };
    for adapter in adapters_with(thresholds) {
        let error = GpuLoss::on_adapter(&adapter).expect_err("no memory at all");
        let text = error.to_string();
        assert!(text.starts_with("the device failed while opening the device: "), "{text}");
        assert!(text.to_lowercase().contains("memory"), "{text}");
    }
}

/// A loss that wgpu itself brings about, when a wait finds memory used up.
#[test]
fn a_device_lost_for_want_of_memory_says_so() {
    let thresholds = wgpu::MemoryBudgetThresholds { for_resource_creation: None, for_device_loss: Some(0) };
    for adapter in adapters_with(thresholds) {
        let gpu = GpuLoss::on_adapter(&adapter).expect("opens");
        gpu.set_self_test(false);
        // The batch that meets the loss may still come out; the next does not.
        let error = run(&gpu).and_then(|_| run(&gpu)).expect_err("lost");
        assert!(error.to_string().to_lowercase().contains("memory"), "{error}");
        refuses_from_now_on(&gpu, &error);
    }
}
