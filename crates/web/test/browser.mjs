// The page in a headless Chromium, on the software adapter that Chromium brings:
//     node browser.mjs URL CHROMIUM PLAYWRIGHT
// `cargo xtask web --test` calls it so. Every check throws if it fails, and so does any error on the page's console.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";

const [url, executablePath, playwright] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
const args = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader",
  "--host-resolver-rules=MAP insecure.example 127.0.0.1"];

/** How long one step may take, in ms: a busy machine is no failure. */
const PATIENCE = 120_000;

/** Opens the page in a browser of its own, runs a check on it, and looks at the console. */
async function check(name, run, { prepare, host } = {}) {
  const begin = performance.now();
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    const errors = [];
    page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
    page.on("pageerror", (error) => errors.push(String(error)));
    if (prepare) await page.addInitScript(prepare);
    await page.goto(host ? url.replace("127.0.0.1", host) : url);
    const told = await run(page);
    assert.deepEqual(errors, [], "errors on the console");
    console.log(`ok  ${name}${told ? `: ${told}` : ""} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
  } finally {
    await browser.close();
  }
}

/** Waits until an element says what matches. */
async function says(page, selector, expected, timeout = PATIENCE) {
  const element = page.locator(selector);
  const deadline = performance.now() + timeout;
  for (;;) {
    const text = await element.textContent();
    if (expected.test(text)) return text;
    assert.ok(performance.now() < deadline, `${selector} says “${text}”, expected ${expected}`);
    await page.waitForTimeout(50);
  }
}

const view = (page, name) => page.getByRole("tab", { name }).click();

// What is put in the place of WebGPU's own methods before the page begins.
/** The limits that every device has, and no more. */
const plainLimits = () => {
  const real = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = function ({ requiredLimits, ...rest }) { return real.call(this, rest); };
};
const lose = () => {
  const real = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...given) {
    return (globalThis.device = await real.apply(this, given));
  };
};
const noWebGpu = () => Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
const noAdapter = () => { GPU.prototype.requestAdapter = async () => null; };
const noMemory = () => {
  const real = GPUDevice.prototype.popErrorScope;
  GPUDevice.prototype.popErrorScope = async function () {
    const error = await real.call(this);
    return globalThis.full ? new GPUOutOfMemoryError("no memory") : error;
  };
};

await check("the playground shows known losses as they are edited", async (page) => {
  await says(page, "#loss", /^\d/);
  const interactive = Math.round(await page.evaluate(() => performance.now()));
  // One row of three classes, with the scores that every introduction to the softmax has.
  for (const button of [...Array(3).fill("Remove a row"), "Remove a class"]) await page.getByRole("button", { name: button }).click();
  for (const [name, score] of [["cat", "2"], ["dog", "1"], ["bird", "0,1"]]) await page.getByLabel(`Score of ${name}, row 1`).fill(score);
  await says(page, "#loss", /^0\.4170$/);
  const cells = (kind) => page.locator(`.${kind} .figure`).allTextContents();
  assert.deepEqual(await cells("activation"), ["0.659", "0.242", "0.099"]);
  assert.deepEqual(await cells("gradient"), ["−0.341", "0.242", "0.099"]);
  await says(page, "#reference", /^float64 reference 0\.4170300: within/);
  await page.getByLabel("Label smoothing").focus();
  for (let step = 0; step < 10; step += 1) await page.keyboard.press("ArrowRight");
  await says(page, "#loss", /^0\.5137$/);
  for (const [loss, expected] of [["Sigmoid CE", /^0\.7282$/], ["Softmax focal", /^0\.0485$/], ["Sigmoid focal", /^0\.2269$/],
    ["Poly-1", /^0\.7580$/],
    ["CE", /^0\.4960$/], ["BCE", /^0\.1902$/]]) {
    await page.getByRole("radio", { name: loss, exact: true }).check({ force: true });
    await says(page, "#loss", expected);
    await says(page, "#reference", /within/);
  }
  // What is no number, and no probability, is told.
  await page.getByLabel("Probability of cat, row 1").fill("much");
  await says(page, "#problem", /^row 1, cat: a number is expected$/);
  await page.getByLabel("Probability of cat, row 1").fill("1.5");
  await says(page, "#problem", /1\.5, expected a number in \[0, 1\]/);
  await page.getByRole("button", { name: "Start over" }).click();
  // The rows whose true class is ignored count for nothing.
  await page.getByRole("radio", { name: "Softmax CE", exact: true }).check({ force: true });
  await says(page, "#loss", /^0\.6093$/);
  await page.getByLabel("Ignored class").focus();
  for (let step = 0; step < 2; step += 1) await page.keyboard.press("ArrowRight");
  await says(page, "article:nth-child(3) .row-loss", /^ignored$/);
  await says(page, "#loss", /^0\.4414$/);
  return `interactive after ${interactive} ms`;
});

await check("every combination of the quick check is within the promise, at WebGPU's default limits", async (page) => {
  await says(page, "#loss", /^\d/);
  await view(page, "Verify");
  await page.getByRole("button", { name: "Check this GPU" }).click();
  const verdict = await says(page, "#verify-verdict", /^(?!Checking)./, 5 * PATIENCE);
  const lines = (id) => page.locator(`#${id} li`).allTextContents();
  assert.match(verdict, /^\d+ combinations in \d+ s: all within the promised accuracy/, (await lines("verify-failures")).join("\n"));
  // A few cases ask for more options and outputs at once than that many bindings carry.
  const refused = await lines("verify-refused");
  assert.ok(refused.length * 20 < Number.parseInt(verdict, 10), refused.join("\n"));
  for (const refusal of refused) assert.match(refusal, /max_storage_buffers_per_shader_stage is 8/);
  assert.ok(Number.parseInt(verdict, 10) > 100, verdict);
  assert.equal(await page.locator("#verify-rows tr").count(), 29, "pairs of losses and targets");
  const names = await page.locator("#verify-region thead th").allTextContents();
  assert.equal(names.length, await page.locator("#verify-rows tr:first-child > *").count(), "a name a column");
  assert.deepEqual(names, [...new Set(names)], "each column has a name of its own");
  return verdict;
}, { prepare: plainLimits });

await check("a benchmark fills the table and writes what the program writes", async (page) => {
  await says(page, "#loss", /^\d/);
  await view(page, "Bench");
  await page.getByRole("button", { name: "Measure" }).click();
  const verdict = await says(page, "#bench-verdict", /^(?!Measuring)./, 5 * PATIENCE);
  assert.match(verdict, /^8 shapes in/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  const rows = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.equal(rows.length, 8);
  assert.equal(await page.locator("#bench-chart rect").count(), 8);
  for (const row of rows) {
    assert.deepEqual(Object.keys(row), ["loss", "targets", "rows", "classes", "dtype", "mode", "strategy", "profile", "backend", "adapter",
      "driver", "timer", "median_ms", "min_ms", "bytes", "gbps", "copy_gbps", "of_copy"]);
    assert.ok(["softmax-ce", "sigmoid-ce"].includes(row.loss) && ["gpu", "wall"].includes(row.timer), row.loss);
    assert.equal(row.backend, "webgpu");
    assert.ok(row.adapter && row.driver && row.strategy);
    assert.ok(row.min_ms > 0 && row.median_ms >= row.min_ms && row.copy_gbps > 0, JSON.stringify(row));
    assert.ok(Math.abs(row.gbps - row.bytes / row.median_ms * 1e-6) < 1e-9 * row.gbps);
    assert.ok(Math.abs(row.of_copy - row.gbps / row.copy_gbps) < 1e-9 * row.of_copy);
    // Scores once in, in this table's f32.
    assert.ok(row.bytes >= 4 * row.rows * row.classes);
  }
  return verdict;
});

await check("on a phone the loss stays visible whatever is edited, and nothing is wider than the screen", async (page) => {
  await says(page, "#loss", /^\d/);
  for (const width of [400, 320]) {
    await page.setViewportSize({ width, height: 740 });
    for (const label of ["Label smoothing", "Score of cat, row 1", "Score of fish, row 4"]) {
      await page.getByLabel(label).evaluate((input) => input.scrollIntoView({ block: "center" }));
      const loss = await page.locator("#loss").boundingBox();
      assert.ok(loss.y >= 0 && loss.y + loss.height <= 740, `${width}, ${label}: the loss at ${loss.y}`);
      const top = await page.evaluate(({ x, y }) => document.elementFromPoint(x, y)?.id, { x: loss.x + 2, y: loss.y + loss.height / 2 });
      assert.equal(top, "loss", `${width}, ${label}: something lies over the loss`);
      const edited = await page.getByLabel(label).boundingBox();
      const apart = edited.y >= loss.y + loss.height || edited.y + edited.height <= loss.y;
      assert.ok(apart, `${width}: the loss lies over ${label}`);
    }
    for (const name of ["Playground", "Verify", "Bench"]) {
      await view(page, name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${name} is ${wide} wide on ${width}`);
    }
    await view(page, "Playground");
  }
});

await check("a lost device is told, and another one opened", async (page) => {
  await says(page, "#loss", /^\d/);
  await page.evaluate(() => globalThis.device.destroy());
  await says(page, "#state h2", /lost/);
  await page.getByRole("button", { name: "Start again" }).click();
  await page.getByLabel("Score of cat, row 1").fill("3");
  await says(page, "#loss", /^0\.5573$/);
  assert.ok(await page.locator("#state").isHidden());
}, { prepare: lose });

await check("missing memory is told", async (page) => {
  await says(page, "#loss", /^\d/);
  await page.evaluate(() => { globalThis.full = true; });
  await view(page, "Bench");
  await page.getByRole("button", { name: "Measure" }).click();
  await says(page, "#state h2", /out of memory/);
}, { prepare: noMemory });

await check("a browser without an adapter is told what to look at", async (page) => {
  await says(page, "#state h2", /No GPU answers/);
  await says(page, "#state p", /hardware acceleration/);
}, { prepare: noAdapter });

await check("a browser without WebGPU is told which ones have it", async (page) => {
  await says(page, "#state h2", /no WebGPU/);
  await says(page, "#state p", /Chrome and Edge/);
}, { prepare: noWebGpu });

await check("a page that is not secure is told that it must be", async (page) => {
  assert.equal(await page.evaluate(() => navigator.gpu), undefined);
  await says(page, "#state h2", /no WebGPU/);
  await says(page, "#state p", /https/);
}, { host: "insecure.example" });
