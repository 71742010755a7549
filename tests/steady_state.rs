//! What a training step costs besides its kernels: no objects once it runs, and little memory.

mod common;

use common::adapters;
use common::memory::Arena;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};

/// Objects of the device that are alive, by wgpu's own counters: each kind that encoding could make.
fn alive(gpu: &GpuLoss) -> [isize; 7] {
    let hal = gpu.device().get_internal_counters().hal;
    [
        hal.buffers.read(),
        hal.bind_groups.read(),
        hal.bind_group_layouts.read(),
        hal.pipeline_layouts.read(),
        hal.compute_pipelines.read(),
        hal.shader_modules.read(),
        hal.memory_allocations.read(),
    ]
}

/// Room for one step of `rows` rows of 10 classes.
fn arena(rows: usize) -> Arena {
    let mut arena = Arena::default();
    arena.put("scores", &vec![0; rows * 40]);
    arena.put("targets", &vec![0; rows * 8]);
    arena.room("grad", rows as u64 * 40);
    arena.room("loss", 4);
    arena
}

#[test]
fn a_step_makes_no_object_and_builds_no_pipeline() {
    for gpu in adapters() {
        let plan =
            gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(64, 10), Dtype::F32)).expect("a plan");
        let arena = arena(64);
        let buffer = arena.upload(&gpu);
        let buffers: Buffers<'_> = arena.slices(&buffer, "");
        let encoder = || gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut current = encoder();
        plan.encode(&mut current, &buffers).expect("the first encoding makes the bind groups");
        gpu.queue().submit([current.finish()]);
        gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");

        // Nothing that an open encoder names is freed: whatever the steps made would still be alive.
        let mut current = encoder();
        let before = alive(&gpu);
        assert!(before[1] > 0 && before[4] > 0, "the counters count: {before:?}");
        for _ in 0..20 {
            plan.encode(&mut current, &buffers).expect("a step");
        }
        assert_eq!(alive(&gpu), before, "buffers, bind groups, layouts, pipelines, modules, allocations");
        gpu.queue().submit([current.finish()]);
        gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");

        // A set of buffers that is new makes bind groups and nothing else; forgotten, they go.
        let other = arena.upload(&gpu);
        let before = alive(&gpu);
        let mut current = encoder();
        plan.encode(&mut current, &arena.slices(&other, "")).expect("other buffers");
        let after = alive(&gpu);
        assert!(after[1] > before[1]);
        assert_eq!((after[0], after[4]), (before[0], before[4]));
        drop(current);
        plan.forget_buffers();
        drop((buffer, other));
        gpu.queue().submit([]);
        gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
        assert!(alive(&gpu)[0] < before[0], "the caller's buffers are let go");
    }
}

#[test]
fn a_plan_s_own_memory_grows_with_rows_alone() {
    let gpu = &adapters()[0];
    let own = |rows, classes, in_place| {
        let mut layout = Layout::forward_backward(Shape::new(rows, classes), Dtype::F32);
        layout.in_place = in_place;
        gpu.plan(&SoftmaxCe::default(), &layout).expect("a plan").scratch_bytes()
    };
    // Scores, and a gradient unless it is in place, are all that there is of the scores' size.
    for in_place in [false, true] {
        // (More chunks have more parameters, a few hundred bytes each.)
        assert!(own(4096, 30_000, in_place) < own(4096, 1000, in_place) + 4096);
        for rows in [1, 1000, 100_000] {
            let bytes = own(rows, 100, in_place);
            assert!(bytes <= 200_000 + 8 * rows as u64, "{bytes} bytes for {rows} rows");
        }
    }
}
