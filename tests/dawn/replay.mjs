// Runs a program that `gpu-loss shaders` wrote, dispatch by dispatch.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A device with everything that its adapter offers, for the adapter that the kernels were made for. */
export async function open(gpu, made) {
  const adapter = await gpu.requestAdapter();
  if (!adapter) return null;
  const { info, limits } = adapter;
  const sizes = adapter.features.has("subgroups") ? [info.subgroupMinSize, info.subgroupMaxSize] : null;
  if (made.subgroup_sizes && String(sizes) !== String(made.subgroup_sizes)) {
    throw new Error(`the kernels are made for subgroups of ${made.subgroup_sizes} (${made.adapter}), Dawn's are of ${sizes}`);
  }
  const requiredLimits = {};
  for (const name of ["maxStorageBufferBindingSize", "maxBufferSize", "maxStorageBuffersPerShaderStage",
    "maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupSizeX", "maxComputeWorkgroupStorageSize"]) {
    requiredLimits[name] = limits[name];
  }
  const requiredFeatures = sizes ? ["subgroups"] : [];
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  const name = info.description || info.device || info.architecture;
  return { device, name, pipelines: new Map() };
}

/** What a program leaves in the buffers that are asked for, by name. */
export async function replay(dawn, folder, manifest, program, wanted) {
  const { device } = dawn;
  device.pushErrorScope("validation");
  const buffers = new Map();
  for (const { name, size, file } of program.buffers) {
    const usage = name === "params" ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE
      | (name === "scalars" ? GPUBufferUsage.UNIFORM : 0);
    const buffer = device.createBuffer({ size, usage: usage | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
    if (file) {
      const bytes = readFileSync(join(folder, file));
      const whole = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
      bytes.copy(whole);
      device.queue.writeBuffer(buffer, 0, whole);
    }
    buffers.set(name, buffer);
  }
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const { kernel, workgroups, bindings } of program.dispatches) {
    const { pipeline, layout } = await built(dawn, folder, manifest.kernels[kernel]);
    const entries = bindings.map(({ binding, buffer, offset, size }) => ({
      binding, resource: { buffer: buffers.get(buffer), offset, size: size ?? undefined },
    }));
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
  const staging = new Map();
  for (const name of wanted.filter((name) => buffers.has(name))) {
    const { size } = buffers.get(name);
    const copy = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.copyBufferToBuffer(buffers.get(name), 0, copy, 0, size);
    staging.set(name, copy);
  }
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  const results = {};
  for (const [name, buffer] of staging) {
    await buffer.mapAsync(GPUMapMode.READ);
    results[name] = Buffer.from(buffer.getMappedRange().slice(0));
    buffer.destroy();
  }
  buffers.forEach((buffer) => buffer.destroy());
  return results;
}

/** What the compiler has against WGSL, if anything. */
export async function refusal({ device }, code) {
  device.pushErrorScope("validation");
  const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
  await device.popErrorScope();
  const wrong = messages.find(({ type }) => type === "error");
  return wrong && `line ${wrong.lineNum}: ${wrong.message}`;
}

/** A kernel's pipeline, built once. */
async function built({ device, pipelines }, folder, { file, label, entry_point: entryPoint, constants, bindings }) {
  const code = readFileSync(join(folder, file), "utf8");
  const key = JSON.stringify([code, constants]);
  if (!pipelines.has(key)) {
    const wrong = await refusal({ device }, code);
    if (wrong) throw new Error(`${label}: ${wrong}`);
    const module = device.createShaderModule({ label, code });
    const layout = device.createBindGroupLayout({
      entries: bindings.map(({ binding, type }) => ({
        binding, visibility: GPUShaderStage.COMPUTE, buffer: { type },
      })),
    });
    const pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint, constants },
    });
    pipelines.set(key, { pipeline, layout });
  }
  return pipelines.get(key);
}
