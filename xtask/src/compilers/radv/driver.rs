//! RADV as a device without hardware: pipelines are made, and what its compiler says of them is read.
#![expect(unsafe_code, reason = "Vulkan is a library of C, and wgpu does not open a device that has no hardware")]

use std::ffi::{CStr, c_char};

use ash::khr::pipeline_executable_properties as executables;
use ash::vk;

use super::Numbers;
use crate::Result;

/// The device that the environment names: `RADV_FORCE_FAMILY`, and the driver's description for the loader.
pub(super) struct Device {
    device: ash::Device,
    executables: executables::Device,
    instance: ash::Instance,
    /// The driver's words for itself.
    pub(super) driver: String,
    /// Vulkan's loader, which has to outlive all else.
    _loader: ash::Entry,
}

impl Device {
    /// Opens it as wgpu would: with accesses checked by the device.
    pub(super) fn open() -> Result<Self> {
        // SAFETY: the loader's initialisers are trusted as its drivers are.
        let loader = unsafe { ash::Entry::load() }.map_err(|error| format!("there is no Vulkan loader: {error}"))?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let wanted = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: all that `wanted` points to is alive. The instance is destroyed once, by `drop`.
        let instance = unsafe { loader.create_instance(&wanted, None) }
            .map_err(|error| format!("Vulkan makes no instance: {error}"))?;
        // SAFETY: the instance is alive.
        let physical = unsafe { instance.enumerate_physical_devices() }
            .map_err(|error| format!("Vulkan lists no devices: {error}"))?
            .into_iter()
            .next()
            .ok_or("RADV makes no device of this family")?;
        let mut about = vk::PhysicalDeviceDriverProperties::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut about);
        // SAFETY: the device is the instance's, which is of Vulkan 1.3.
        unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
        if about.driver_id != vk::DriverId::MESA_RADV {
            return Err(format!("{} is not RADV", text(&about.driver_name)).into());
        }
        let queues = [vk::DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&[1.0])];
        let extensions = [executables::NAME.as_ptr(), ash::ext::robustness2::NAME.as_ptr()];
        let features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(true).shader_int64(true);
        let mut statistics =
            vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default().pipeline_executable_info(true);
        let mut robustness = vk::PhysicalDeviceRobustness2FeaturesEXT::default().robust_buffer_access2(true);
        let mut subgroups = vk::PhysicalDeviceSubgroupSizeControlFeatures::default().subgroup_size_control(true);
        let mut memory = vk::PhysicalDeviceVulkanMemoryModelFeatures::default().vulkan_memory_model(true);
        let wanted = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut statistics)
            .push_next(&mut robustness)
            .push_next(&mut subgroups)
            .push_next(&mut memory);
        // SAFETY: all that `wanted` points to is alive. The device is destroyed once, by `drop`.
        let device = unsafe { instance.create_device(physical, &wanted, None) }
            .map_err(|error| format!("RADV makes no device: {error}"))?;
        let executables = executables::Device::new(&instance, &device);
        let driver = text(&about.driver_info);
        Ok(Device { device, executables, instance, driver, _loader: loader })
    }

    /// Compiles a kernel, whose bindings are (binding, is uniform); its numbers, or the reason why there are none.
    pub(super) fn compile(&self, code: &[u32], bindings: &[(u32, bool)]) -> std::result::Result<Numbers, String> {
        let slots: Vec<_> = bindings
            .iter()
            .map(|&(number, uniform)| {
                let kind =
                    if uniform { vk::DescriptorType::UNIFORM_BUFFER } else { vk::DescriptorType::STORAGE_BUFFER };
                vk::DescriptorSetLayoutBinding::default()
                    .binding(number)
                    .descriptor_count(1)
                    .descriptor_type(kind)
                    .stage_flags(vk::ShaderStageFlags::COMPUTE)
            })
            .collect();
        let words = |error: vk::Result| error.to_string();
        let device = &self.device;
        // SAFETY: every object is made by this device, used while it is alive, and destroyed once. The code is naga's. What
        // is made before a failure is left to the end of the process.
        unsafe {
            let module =
                device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(code), None).map_err(words)?;
            let wanted = vk::DescriptorSetLayoutCreateInfo::default().bindings(&slots);
            let sets = [device.create_descriptor_set_layout(&wanted, None).map_err(words)?];
            let wanted = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = device.create_pipeline_layout(&wanted, None).map_err(words)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .flags(vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE)
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(c"main");
            let wanted = vk::ComputePipelineCreateInfo::default()
                .stage(stage)
                .layout(layout)
                .flags(vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR);
            let pipelines = device
                .create_compute_pipelines(vk::PipelineCache::null(), &[wanted], None)
                .map_err(|(_, error)| words(error))?;
            let pipeline = *pipelines.first().ok_or("no pipeline was made")?;
            let numbers = self.numbers(pipeline).map_err(words);
            device.destroy_pipeline(pipeline, None);
            device.destroy_pipeline_layout(layout, None);
            device.destroy_descriptor_set_layout(sets[0], None);
            device.destroy_shader_module(module, None);
            numbers
        }
    }

    /// What the compiler says of a pipeline.
    ///
    /// # Safety
    /// The pipeline is one of this device, with statistics, and alive.
    unsafe fn numbers(&self, pipeline: vk::Pipeline) -> std::result::Result<Numbers, vk::Result> {
        let first = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(0);
        let whole = vk::PipelineInfoKHR::default().pipeline(pipeline);
        // SAFETY: as this function's.
        let (statistics, properties) = unsafe {
            let statistics = self.executables.get_pipeline_executable_statistics(&first)?;
            (statistics, self.executables.get_pipeline_executable_properties(&whole)?)
        };
        let number = |name: &str| {
            let found = statistics.iter().find(|statistic| text(&statistic.name).eq_ignore_ascii_case(name))?;
            // SAFETY: the format says which of the union's members was written.
            let value = unsafe {
                match found.format {
                    vk::PipelineExecutableStatisticFormatKHR::UINT64 => found.value.u64,
                    vk::PipelineExecutableStatisticFormatKHR::INT64 => found.value.i64.unsigned_abs(),
                    _ => return None,
                }
            };
            u32::try_from(value).ok()
        };
        let number = |name| number(name).unwrap_or_default();
        let lanes = properties.first().map_or(0, |executable| executable.subgroup_size);
        Ok(Numbers {
            vgprs: number("VGPRs"),
            sgprs: number("SGPRs"),
            spilled_vgprs: number("Spilled VGPRs"),
            spilled_sgprs: number("Spilled SGPRs"),
            scratch: number("Scratch size"),
            waves: number("Subgroups per SIMD") * lanes / 32,
            lanes,
            instructions: number("Instructions"),
            latency: number("Latency"),
        })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: all that was made with them is gone, and nothing uses them later.
        unsafe {
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}

/// A string of C in a field.
fn text(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field.iter().map(|&c| c.to_ne_bytes()[0]).collect();
    CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_string_lossy().into_owned()
}
