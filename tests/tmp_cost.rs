mod common;
use gpu_loss::*;
#[test]
fn cost() {
    for gpu in common::adapters() {
        let plan = gpu.plan(&SoftmaxCe::default(), Shape::new(3, 4), Dtype::F32).unwrap();
        let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: 256, usage: wgpu::BufferUsages::STORAGE, mapped_at_creation: false });
        let buffers = Buffers::new(&buffer, &buffer).grad(&buffer).loss(&buffer);
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        plan.encode(&mut encoder, &buffers).unwrap();
        let t = std::time::Instant::now();
        for _ in 0..1000 { plan.encode(&mut encoder, &buffers).unwrap(); }
        println!("encode {:?}", t.elapsed() / 1000);
        let t = std::time::Instant::now();
        for _ in 0..1000 {
            let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::Validation);
            let _ = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: Some("x"), size: 4, usage: wgpu::BufferUsages::empty(), mapped_at_creation: false });
            assert!(pollster::block_on(scope.pop()).is_some());
        }
        println!("probe {:?}", t.elapsed() / 1000);
    }
}
