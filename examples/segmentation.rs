//! Dense prediction: scores `[N, C, H, W]` as a segmentation network gives them, no transposing; void pixels ignored,
//! rare classes weighted, and the pixel accuracy from the same pass.
//!
//!     cargo run --release --example segmentation

use gpu_loss::{Batch, GpuLoss, SoftmaxCe, SoftmaxFocal, reference};
use ndarray::{Array3, Array4};

/// The label of pixels that belong to no class, as in Pascal VOC.
const VOID: i64 = 255;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (images, classes, height, width) = (2, 21, 96, 128);
    // Blocks of 8 × 8 pixels of one class, with a border of void between them, and scores that mostly agree.
    let block = |n: usize, y: usize, x: usize| ((n * 5 + (y / 8) * 7 + (x / 8) * 3) % classes) as i64;
    let labels =
        Array3::from_shape_fn(
            (images, height, width),
            |(n, y, x)| {
                if y % 8 == 0 || x % 8 == 0 { VOID } else { block(n, y, x) }
            },
        );
    let noise = |n: usize, c: usize, y: usize, x: usize| ((n * 31 + c * 17 + y * 13 + x * 7) % 29) as f32 * 0.1;
    let scores = Array4::from_shape_fn((images, classes, height, width), |(n, c, y, x)| {
        noise(n, c, y, x) + if block(n, y, x) == c as i64 { 2.0 } else { 0.0 }
    });
    let batch = Batch::new(&scores, &labels).with_correct();

    let gpu = GpuLoss::new()?;
    let weights: Vec<f32> = (0..classes).map(|c| if c == 0 { 0.2 } else { 1.0 }).collect();
    let cross_entropy = SoftmaxCe::default().ignore_index(VOID).class_weights(weights);
    let focal = SoftmaxFocal::default().ignore_index(VOID).gamma(2.0);

    let out = gpu.run(&cross_entropy, &batch)?;
    let valid = labels.iter().filter(|&&label| label != VOID).count();
    let correct = out.correct.unwrap_or_default();
    println!("cross-entropy {:.4}, focal {:.4}", out.loss, gpu.run(&focal, &batch)?.loss);
    println!("{:.1} % of {valid} pixels right", 100.0 * correct as f64 / valid as f64);
    println!("gradient {:?}", out.gradient()?.shape());

    // The same in float64, for those who would rather see than believe.
    let expected = reference::run(&cross_entropy, &batch)?;
    let difference = reference::compare(&out, &expected);
    println!("largest error: {:.0} % of what is promised", 100.0 * difference.worst());
    if difference.kept() { Ok(()) } else { Err(format!("{difference:?}").into()) }
}
