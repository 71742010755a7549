//! Every kernel of a linear plan without a GPU: validated, and translated to SPIR-V, MSL and HLSL with its real constants.

use naga::back::PipelineConstants;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::product::{Lines, Out, Product, ProductKernel};
use super::tasks::Task;
use super::tile::{Block, Tile};
use crate::batch::Dtype;
use crate::kernel::{RowOptions, Transform, declared};

/// Every composition that a plan can ask for, in every tile.
fn kernels() -> Vec<ProductKernel> {
    let tiles = [
        Tile { block: Block::B8x8, across: 8, down: 8, step: 16, unrolled: 8 },
        Tile { block: Block::B4x4, across: 8, down: 8, step: 16, unrolled: 4 },
        Tile { block: Block::B4x4, across: 16, down: 16, step: 16, unrolled: 8 },
    ];
    let mut all = Vec::new();
    for (tile, dtype) in tiles.iter().flat_map(|tile| Dtype::ALL.iter().map(|dtype| (*tile, *dtype))) {
        for vectors in [true, false] {
            let plain = ProductKernel {
                dtype,
                a: Lines::AlongDepth,
                a_is_f32: false,
                b: Lines::AlongDepth,
                a_vectors: vectors,
                b_vectors: vectors,
                bias: false,
                out: Out::F32 { accumulate: false },
                tile,
            };
            let gradient = ProductKernel { a_is_f32: true, a_vectors: true, b: Lines::AcrossDepth, ..plain };
            let turned = ProductKernel { a: Lines::AcrossDepth, ..gradient };
            all.extend([plain, ProductKernel { bias: true, ..plain }, gradient, turned]);
            all.push(ProductKernel { out: Out::F32Scalars { accumulate: true }, ..turned });
            if dtype != Dtype::F32 {
                all.push(ProductKernel { out: Out::Halves, ..gradient });
            }
            if tile.block == Block::B4x4 {
                let transforms = [Transform::Identity, Transform::Scale, Transform::Softcap];
                let statistics = [false, true].into_iter().flat_map(|on| {
                    let options = |transform| RowOptions {
                        smoothed: on,
                        transform,
                        z_loss: on,
                        best: on,
                        ..RowOptions::default()
                    };
                    transforms.map(|transform| Out::Statistics {
                        weighted: on,
                        options: options(transform),
                        long_sums: on,
                    })
                });
                all.extend(statistics.map(|out| ProductKernel { out, bias: true, ..plain }));
            }
        }
    }
    all
}

fn translated(label: &str, source: &str, constants: &[(&'static str, f64)]) -> naga::Module {
    let module =
        naga::front::wgsl::parse_str(source).unwrap_or_else(|e| panic!("{label}: {}", e.emit_to_string(source)));
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16_IN_FLOAT32);
    let info = validator.validate(&module).unwrap_or_else(|e| panic!("{label}: {}", e.emit_to_string(source)));
    let constants: PipelineConstants =
        declared(source, constants).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let stage = Some((naga::ShaderStage::Compute, "main"));
    let (fixed, info) = naga::back::pipeline_constants::process_overrides(&module, &info, stage, &constants)
        .unwrap_or_else(|e| panic!("{label}: {e}"));
    let spv = naga::back::spv::PipelineOptions { shader_stage: naga::ShaderStage::Compute, entry_point: "main".into() };
    naga::back::spv::write_vec(&fixed, &info, &naga::back::spv::Options::default(), Some(&spv))
        .unwrap_or_else(|e| panic!("{label}: SPIR-V: {e}"));
    let msl = naga::back::msl::Options { fake_missing_bindings: true, ..Default::default() };
    naga::back::msl::write_string(&fixed, &info, &msl, &naga::back::msl::PipelineOptions::default())
        .unwrap_or_else(|e| panic!("{label}: MSL: {e}"));
    let hlsl = naga::back::hlsl::Options { fake_missing_bindings: true, ..Default::default() };
    let mut text = String::new();
    naga::back::hlsl::Writer::new(&mut text, &hlsl, &naga::back::hlsl::PipelineOptions::default())
        .write(&fixed, &info, None)
        .unwrap_or_else(|e| panic!("{label}: HLSL: {e}"));
    module
}

/// The bytes of a uniform's struct in WGSL.
fn size_of_struct(module: &naga::Module, name: &str) -> Option<u32> {
    module.types.iter().find_map(|(_, ty)| match &ty.inner {
        naga::TypeInner::Struct { span, .. } if ty.name.as_deref() == Some(name) => Some(*span),
        _ => None,
    })
}

#[test]
fn every_product_reaches_every_backend() {
    let mut translations = 0;
    for kernel in kernels() {
        let module = translated(&format!("{kernel:?}"), &kernel.source(), &kernel.constants());
        assert_eq!(size_of_struct(&module, "Product"), Some(size_of::<Product>() as u32));
        translations += 1;
    }
    assert!(translations > 80, "{translations}");
}

#[test]
fn what_small_kernels_are_told_is_what_they_read() {
    let source = [include_str!("../../shaders/linear/task.wgsl"), include_str!("../../shaders/linear/copy_rows.wgsl")];
    let module = translated("copy rows", &source.join("\n"), &[]);
    assert_eq!(size_of_struct(&module, "Task"), Some(size_of::<Task>() as u32));
}

/// At most 16 KiB, WebGPU's default.
#[test]
fn tiles_fit_workgroup_memory() {
    for kernel in kernels() {
        let get = |name: &str| kernel.constants().iter().find(|(n, _)| *n == name).map_or(0.0, |(_, value)| *value);
        assert!(16.0 * (get("A_VECTORS") + get("B_VECTORS")) <= 16_384.0, "{kernel:?}");
        assert!(get("A_BLOCKS").max(get("B_BLOCKS")) <= get("THREADS"), "{kernel:?}");
    }
}
