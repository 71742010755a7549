//! A kernel in the languages of other compilers, as wgpu's backends would have naga write it.

use naga::ShaderStage;
use naga::back::{hlsl, pipeline_constants::process_overrides};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
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

/// SPIR-V as wgpu's Vulkan backend asks for it, of a device with `robustBufferAccess2`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn to_spirv(kernel: &Kernel) -> Result<Vec<u32>> {
    use naga::back::spv;
    let (module, info) = resolved(kernel)?;
    let options = spv::Options {
        lang_version: (1, 6),
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: true,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: ENTRY_POINT.to_owned() };
    spv::write_vec(&module, &info, &options, Some(&pipeline))
        .map_err(|error| format!("{}: naga writes no SPIR-V: {error}", kernel.name).into())
}

/// A kernel in Metal's language.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) struct Msl {
    pub(super) text: String,
    /// Invocations of a workgroup.
    pub(super) invocations: u32,
    /// The place among the bindings of each of the module's variables, which the names of sizes go by.
    pub(super) places: Vec<Option<usize>>,
}

/// MSL as wgpu's Metal backend asks for it, of Metal 3. Buffers are in the order of the bindings, and the sizes of those
/// that end in an array come last.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn to_msl(kernel: &Kernel) -> Result<Msl> {
    use naga::back::msl;
    let (module, info) = resolved(kernel)?;
    let mut resources = msl::BindingMap::new();
    for (slot, &(binding, uniform)) in kernel.bindings.iter().enumerate() {
        let target = msl::BindTarget { buffer: Some(slot as u8), mutable: !uniform, ..Default::default() };
        resources.insert(naga::ResourceBinding { group: 0, binding }, target);
    }
    let sizes_buffer = Some(kernel.bindings.len() as u8);
    let resources = msl::EntryPointResources { resources, immediates_buffer: None, sizes_buffer };
    let restrict = BoundsCheckPolicy::Restrict;
    let options = msl::Options {
        lang_version: (3, 0),
        per_entry_point_map: msl::EntryPointResourceMap::from([(ENTRY_POINT.to_owned(), resources)]),
        fake_missing_bindings: false,
        bounds_check_policies: BoundsCheckPolicies {
            index: restrict,
            buffer: restrict,
            image_load: restrict,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: true,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, ENTRY_POINT.to_owned())),
        ..Default::default()
    };
    let (text, _) = msl::write_string(&module, &info, &options, &pipeline)
        .map_err(|error| format!("{}: naga writes no MSL: {error}", kernel.name))?;
    let place = |variable: &naga::GlobalVariable| {
        let binding = variable.binding.as_ref()?.binding;
        kernel.bindings.iter().position(|(number, _)| *number == binding)
    };
    let places = module.global_variables.iter().map(|(_, variable)| place(variable)).collect();
    let invocations = module.entry_points.first().map_or(0, |entry| entry.workgroup_size.iter().product());
    Ok(Msl { text, invocations, places })
}
