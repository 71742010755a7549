//! What a first call costs is the compiler's time: a software adapter's took 12 s and 1.6 GiB for one call on 4,096 × 4,096,
//! with a kernel of 128 vectors a lane written out, and with another for the self-test.
//!
//! Meant to fail (not seen yet) with rows of up to 128 vec4 a lane resident, and with the sizes of the self-test's own batches given to `build`.

use gpu_loss::loss::Kind;
use gpu_loss::{Dtype, Layout, Shape, SoftmaxCe};

use crate::common::each::on_every_adapter;
use crate::common::{adapters, plain};

/// Bytes of the longest kernel's code: WGSL that a driver compiles within about a second.
const LONGEST: usize = 64 * 1024;

/// Shapes of 16.7 M scores.
const SHAPES: [usize; 12] = [2, 10, 32, 33, 64, 100, 128, 1000, 2000, 4096, 32_000, 128_256];

/// Bytes of WGSL but for indentation and comments, which cost a compiler nothing.
fn code(wgsl: &str) -> usize {
    wgsl.lines().map(|line| line.split("//").next().unwrap_or_default().trim().len() + 1).sum()
}

#[test]
fn no_kernel_is_written_out_for_long_rows() {
    on_every_adapter(|gpu| {
        let mut specs = vec![plain(Kind::SoftmaxCe), plain(Kind::SoftmaxFocal), plain(Kind::Ce)];
        let mut long = plain(Kind::SoftmaxCe);
        (long.softcap, long.label_smoothing) = (Some(30.0), 0.1);
        specs.push(long);
        for (spec, classes) in specs.iter().flat_map(|spec| SHAPES.map(|classes| (spec, classes))) {
            for &dtype in Dtype::ALL {
                let layout = Layout::forward_backward(Shape::new((1 << 24) / classes, classes), dtype);
                let program = gpu.describe(spec, &layout).expect("a plan");
                let longest = program.dispatches.iter().map(|dispatch| code(&dispatch.wgsl)).max().unwrap_or_default();
                assert!(
                    longest <= LONGEST,
                    "{} at {classes} classes, {}: {longest} bytes",
                    spec.kind.name(),
                    dtype.name()
                );
            }
        }
    });
}

/// On devices of their own: their caches hold nothing else.
#[test]
fn the_self_test_builds_no_kernel_that_the_plan_has_not() {
    let shapes = [(64, 10), (8192, 10), (5003, 10), (4096, 100), (700, 1000), (300, 4096), (20, 20_000), (9, 32_000)];
    for (rows, classes) in shapes {
        let kernels = |self_test: bool| -> Vec<usize> {
            let count = |gpu: &gpu_loss::GpuLoss| {
                // Tested alone: what other tests of this process proved is not known.
                gpu.alter_kernels(|_, source| source);
                let gpu = &gpu.with_self_test(self_test);
                gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(rows, classes), Dtype::F32))
                    .expect("a plan");
                gpu.kernels()
            };
            adapters().iter().map(count).collect()
        };
        assert_eq!(kernels(true), kernels(false), "{rows} x {classes}");
    }
}
