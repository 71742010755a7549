//! smoke
use gpu_loss::*;
fn main() {
    for gpu in GpuLoss::open_all(&AdapterFilter::default()).unwrap() {
        println!("{:?}", gpu.adapter_info().name);
        println!("{:?} {:?}", gpu.adapter_info().backend, gpu.device().limits());
        let logits = ndarray::array![[2.0_f32, 0.5, -1.0], [0.1, 0.2, 3.0]];
        for s in gpu.strategies(Kind::SoftmaxCe, Shape::new(2, 3), Dtype::F32) {
            gpu.set_strategy(Some(s));
            let out =
                gpu.softmax_ce(&Batch::new(logits.view(), Targets::Classes(&[0_i64, 2])).with_lse().with_losses());
            println!("{s:?} {:?}", out);
        }
    }
}
