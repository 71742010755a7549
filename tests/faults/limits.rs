//! Devices whose limits are too small.

use gpu_loss::builder::AdapterFilter;
use gpu_loss::loss::Kind;
use gpu_loss::{Batch, Error, GpuLoss, Shape, SoftmaxCe, reference, wgpu};
use ndarray::Array2;

use crate::{run, serves};

/// Devices of every adapter with limits lowered.
fn lowered(lower: impl Fn(&mut wgpu::Limits)) -> Vec<gpu_loss::Result<GpuLoss>> {
    let adapters = GpuLoss::adapters(&AdapterFilter::default());
    assert!(!adapters.is_empty(), "no GPU adapter found");
    adapters
        .iter()
        .map(|adapter| {
            let (required_features, mut required_limits) = GpuLoss::wanted(adapter);
            lower(&mut required_limits);
            let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
            let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
            let gpu = GpuLoss::from_device(adapter, device, queue)?;
            Ok(gpu.with_self_test(false))
        })
        .collect()
}

#[test]
fn a_device_that_runs_no_kernel_is_refused_at_once_by_the_limit() {
    type Lower = fn(&mut wgpu::Limits);
    let limits: [(&str, Lower); 4] = [
        ("max_storage_buffers_per_shader_stage", |limits| limits.max_storage_buffers_per_shader_stage = 4),
        ("max_compute_workgroup_storage_size", |limits| limits.max_compute_workgroup_storage_size = 1024),
        ("max_compute_invocations_per_workgroup", |limits| limits.max_compute_invocations_per_workgroup = 32),
        ("max_compute_workgroups_per_dimension", |limits| limits.max_compute_workgroups_per_dimension = 64),
    ];
    for (name, lower) in limits {
        for gpu in lowered(lower) {
            let error = gpu.expect_err(name);
            let Error::Limit { limit, got, needed, .. } = &error else { panic!("{error}") };
            assert!(*limit == name && got < needed, "{error}");
            assert!(error.to_string().starts_with(&format!("the device's {name} is ")), "{error}");
        }
    }
}

#[test]
fn a_batch_that_no_buffer_holds_is_refused_by_the_limit_and_the_next_is_served() {
    let scores = Array2::<f32>::zeros((600, 1000));
    let labels = vec![0_i64; 600];
    for gpu in lowered(|limits| {
        limits.max_buffer_size = 2 << 20;
        limits.max_storage_buffer_binding_size = 1 << 20;
    }) {
        let gpu = gpu.expect("enough for the kernels");
        let error = gpu.softmax_ce(&Batch::new(scores.view(), &labels)).expect_err("2.4 MB");
        let Error::Limit { limit: "max_buffer_size", got: 2_097_152, needed, .. } = error else { panic!("{error}") };
        assert!(needed >= 2_400_000);
        serves(&gpu);
    }
}

#[test]
fn fewer_bindings_than_all_outputs_need_are_refused_by_the_limit() {
    for gpu in lowered(|limits| limits.max_storage_buffers_per_shader_stage = 6) {
        let gpu = gpu.expect("enough for plain kernels");
        let scores = Array2::<f32>::zeros((3, 4));
        let batch = Batch::new(scores.view(), &[0_i64, 1, 2]).with_losses().with_lse();
        match gpu.softmax_ce(&batch.with_argmax().with_correct()) {
            Err(Error::Limit { limit, got, needed, .. }) => {
                assert_eq!((limit, got), ("max_storage_buffers_per_shader_stage", 6));
                assert!(needed > 6);
            }
            other => panic!("{other:?}"),
        }
        let _ = run(&gpu);
    }
}

/// Workgroups that reduce by a tree had as many invocations as the limit allowed: 96 or 192 sum wrongly.
///
/// Seen to fail: with `group` of `schedule/team.rs` held to the limit alone.
#[test]
fn workgroups_of_a_size_that_is_no_power_of_two() {
    let scores = Array2::from_shape_fn((7, 1003), |(row, class)| ((row * 31 + class * 17) % 23) as f32 * 0.25);
    let labels: Vec<i64> = (0..7).collect();
    let batch = Batch::new(scores.view(), &labels);
    let expected = reference::run(&SoftmaxCe::default(), &batch).expect("legal");
    for most in [96, 192, 255] {
        for gpu in lowered(|limits| {
            limits.max_compute_invocations_per_workgroup = most;
            limits.max_compute_workgroup_size_x = most;
        }) {
            let gpu = gpu.expect("enough for the kernels");
            for strategy in gpu.strategies(Kind::SoftmaxCe, Shape::new(7, 1003)) {
                let gpu = &gpu.with_strategy(strategy);
                let output = gpu.softmax_ce(&batch).expect("legal");
                let difference = reference::compare(&output, &expected);
                assert!(difference.kept(), "{most} {}: {difference:?}", strategy.name());
            }
        }
    }
}
