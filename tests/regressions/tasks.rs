//! Futures that go from thread to thread.

use gpu_loss::builder::AdapterFilter;
use gpu_loss::{Batch, Buffers, Dtype, GpuLoss, Layout, Plan, Shape, SoftmaxCe, verify, wgpu};
use ndarray::Array2;

fn is_send<T: Send>(_: T) {}

/// The futures were not `Send`: no `tokio::spawn` took them. What counts here is that it compiles.
///
/// Seen to fail: with a `Box<dyn Labels>`, as targets once were, held by the self-test over its `.await`s.
#[test]
fn futures_can_be_spawned() {
    let _: fn() = || is_send(GpuLoss::new_async());
    let _: fn(&AdapterFilter) = |filter| is_send(GpuLoss::open_async(filter));
    let _: fn(&wgpu::Adapter) = |adapter| is_send(GpuLoss::on_adapter_async(adapter));
    let _: fn(&GpuLoss, &Layout) = |gpu, layout| is_send(gpu.plan_async(&SoftmaxCe::default(), layout));
    let _: fn(&GpuLoss, &Layout) = |gpu, layout| is_send(gpu.self_test_async(&SoftmaxCe::default(), layout));
    let _: fn(&Plan, &Buffers<'_>) = |plan, buffers| is_send(plan.submit(buffers));
    let _: fn(&Plan) = |plan| is_send(plan.read_status_async());
    let _: fn(&GpuLoss, &verify::Case) = |gpu, case| is_send(verify::check(gpu, case));
    let _: fn(&GpuLoss, &Array2<f32>) = |gpu, scores| {
        let batch = Batch::new(scores.view(), &[0_i64]);
        is_send(gpu.run_async(&SoftmaxCe::default(), &batch));
    };
    // As a program writes it: everything owned by the future.
    is_send(async {
        let gpu = GpuLoss::new_async().await?;
        let scores = Array2::<f32>::zeros((2, 3));
        let labels = vec![0_i64, 2];
        let out = gpu.run_async(&SoftmaxCe::default(), &Batch::new(scores.view(), &labels)).await?;
        let layout = Layout::forward_backward(Shape::new(2, 3), Dtype::F32);
        let plan = gpu.plan_async(&SoftmaxCe::default(), &layout).await?;
        plan.read_status_async().await?;
        gpu_loss::Result::Ok(out.loss)
    });
}
