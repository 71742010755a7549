// Every test vector under Dawn, from the WGSL that the crate ships: Tint and naga must agree on every kernel.
//
//     node run.mjs PATH-OF-GPU-LOSS [ARGUMENTS-OF-IT…]
//
// `cargo xtask dawn` installs what this needs and runs it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, globals } from "webgpu";
import { open, refusal, replay } from "./replay.mjs";
import { numbers, read } from "./safetensors.mjs";

Object.assign(globalThis, globals);
const [program, ...global] = process.argv.slice(2);
const vectors = join(dirname(fileURLToPath(import.meta.url)), "..", "vectors");
const inputs = readdirSync(vectors).filter((name) => /^(?!.*\.expected\.).*\.safetensors$/.test(name)).sort();
const gpu = create([]);
/** The outputs that are compared, where the vectors have them. */
const NAMES = ["loss", "losses", "lse", "grad", "log_prob", "entropy", "rank"];
const scratch = mkdtempSync(join(tmpdir(), "gpu-loss-dawn-"));
const tally = { vectors: 0, programs: 0, subgroups: new Set(), plain: new Set(), losses: new Set() };
let dawn;
let failed = 0;

for (const input of inputs) {
  const { tensors, metadata } = read(join(vectors, input));
  const named = JSON.parse(metadata.options);
  // Two programs, of rows and of columns, whose halves the host adds.
  if (named.symmetric) continue;
  const options = Object.entries(named).map(([key, v]) => `--${key.replaceAll("_", "-")}=${v}`);
  const folder = join(scratch, input);
  execFileSync(program, [...global, "shaders", join(vectors, input), "--out", folder, ...options], { stdio: "pipe" });
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  dawn ??= await open(gpu, manifest);
  if (!dawn) {
    console.log("skipped: Dawn finds no adapter (its Vulkan backend refuses lavapipe of Mesa 22.3)");
    process.exit(77);
  }
  const { tensors: expected } = read(join(vectors, input.replace(".safetensors", ".expected.safetensors")));
  const dtype = (tensors.logits ?? tensors.probabilities).dtype;
  for (const each of manifest.programs) {
    const got = await replay(dawn, folder, manifest, each, NAMES);
    const wrong = differences(got, expected, dtype);
    if (wrong) console.log(`FAILED ${input}, ${each.strategy}: ${wrong}`);
    failed += wrong ? 1 : 0;
    tally.programs += 1;
    for (const { kernel } of each.dispatches) {
      const { file, subgroups, constants } = manifest.kernels[kernel];
      const key = readFileSync(join(folder, file), "utf8") + JSON.stringify(constants);
      (subgroups ? tally.subgroups : tally.plain).add(key);
    }
  }
  tally.vectors += 1;
  tally.losses.add(named.loss);
}

// Every kernel that the vectors do not reach, too: whether Tint takes it.
const everything = join(scratch, "every-kernel");
execFileSync(program, [...global, "shaders", "--out", everything], { stdio: "pipe" });
const { kernels } = JSON.parse(readFileSync(join(everything, "manifest.json"), "utf8"));
const files = [...new Set(kernels.map(({ file }) => file))];
for (const file of files) {
  const wrong = await refusal(dawn, readFileSync(join(everything, file), "utf8"));
  if (wrong) console.log(`FAILED ${file}: ${wrong}`);
  failed += wrong ? 1 : 0;
}
rmSync(scratch, { recursive: true });
console.log(`Dawn on ${dawn.name}: ${tally.subgroups.size} kernels with subgroup operations and ${tally.plain.size} without`
  + ` on ${tally.vectors} vectors, ${tally.programs} runs of ${[...tally.losses].sort().join(", ")}`);
console.log(`Tint took ${files.length} sources, of ${kernels.length} kernels with their constants`);
console.log(`${tally.programs + files.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

/** The first element that is farther off than promised, in words. */
function differences(got, expected, dtype) {
  const largest = (values) => values.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  for (const name of NAMES.filter((name) => name in expected)) {
    const tensor = expected[name];
    const want = tensor.values();
    // What single precision cannot be asked for: PyTorch's vectors say how much, where it is more than below.
    const more = expected[`${name}__atol`]?.values() ?? [];
    // Unreduced, the loss is one an element or row.
    const buffer = name === "loss" && tensor.shape.length > 0 ? got.losses : got[name];
    const type = { grad: dtype, rank: "U32" }[name] ?? "F32";
    const values = numbers(type, buffer).subarray(0, want.length);
    const [relative, floor] = name !== "grad" ? [1e-5, 2e-6]
      : { F16: [1e-3, 2 ** -25], BF16: [4e-3, 0] }[dtype] ?? [2e-5, 0];
    // PyTorch takes p_y − 1 in float64: in confident rows its own digits end there.
    const least = floor + (name === "grad" ? 1e-6 * largest(want) + 1e-14 : 0);
    const at = want.findIndex((w, i) => !(Object.is(w, values[i]) || w === values[i]
      || Math.abs(w - values[i]) <= relative * Math.abs(w) + least + (more[i] ?? 0)));
    if (values.length !== want.length) return `${name} has ${values.length} elements, expected ${want.length}`;
    if (at >= 0) return `${name} at ${at} is ${values[at]}, expected ${want[at]}`;
  }
  return null;
}
