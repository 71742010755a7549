//! A kernel in the languages of other compilers, as wgpu's backends would have naga write it.

use naga::ShaderStage;
use naga::back::{hlsl, pipeline_constants::process_overrides};
use naga::valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};

use super::Kernel;
use crate::Result;

/// The entry point of every kernel, in WGSL.
const ENTRY_POINT: &str = "main";

/// A kernel in another language, and the name that its entry point has there.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) text: String,
    pub(crate) entry_point: String,
}

/// A kernel parsed and checked, its overrides put in: what all backends begin with.
fn resolved(kernel: &Kernel) -> Result<(naga::Module, ModuleInfo)> {
    let module = naga::front::wgsl::parse_str(&kernel.wgsl)
        .map_err(|error| format!("{}: {}", kernel.name, error.emit_to_string(&kernel.wgsl)))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
    validator.subgroup_stages(ShaderStages::all()).subgroup_operations(SubgroupOperationSet::all());
    let info = validator
        .validate(&module)
        .map_err(|error| format!("{}: {}", kernel.name, error.emit_to_string(&kernel.wgsl)))?;
    let stage = Some((ShaderStage::Compute, ENTRY_POINT));
    let (module, info) = process_overrides(&module, &info, stage, &kernel.constants())
        .map_err(|error| format!("{}: {error}", kernel.name))?;
    Ok((module.into_owned(), info.into_owned()))
}

/// HLSL as wgpu's DX12 backend asks for it.
pub(crate) fn to_hlsl(kernel: &Kernel, shader_model: hlsl::ShaderModel) -> Result<Translated> {
    let (module, info) = resolved(kernel)?;
    // Registers by the order of the bindings, uniform buffers and storage buffers each by themselves; what is not a
    // resource comes behind the uniform buffers.
    let mut binding_map = hlsl::BindingMap::new();
    let (mut uniforms, mut storage) = (0, 0);
    for &(binding, uniform) in &kernel.bindings {
        let next = if uniform { &mut uniforms } else { &mut storage };
        let target = hlsl::BindTarget { register: *next, ..Default::default() };
        binding_map.insert(naga::ResourceBinding { group: 0, binding }, target);
        *next += 1;
    }
    let options = hlsl::Options {
        shader_model,
        binding_map,
        fake_missing_bindings: false,
        special_constants_binding: Some(hlsl::BindTarget { register: uniforms, ..Default::default() }),
        // The library asks for no zeros (src/device/pipeline.rs), and for all of naga's checks.
        zero_initialize_workgroup_memory: false,
        restrict_indexing: true,
        force_loop_bounding: true,
        ..Default::default()
    };
    let pipeline = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, ENTRY_POINT.to_owned())) };
    let mut text = String::new();
    let written = hlsl::Writer::new(&mut text, &options, &pipeline)
        .write(&module, &info, None)
        .map_err(|error| format!("{}: naga writes no HLSL: {error}", kernel.name))?;
    match written.entry_point_names.into_iter().next() {
        Some(Ok(entry_point)) => Ok(Translated { text, entry_point }),
        Some(Err(error)) => Err(format!("{}: naga writes no HLSL: {error}", kernel.name).into()),
        None => Err(format!("{}: naga's HLSL has no entry point", kernel.name).into()),
    }
}
