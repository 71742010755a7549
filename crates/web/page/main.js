// The page's start: the GPU opened, views switched, and what is said when there is none.

import init, { Gpu } from "./gpu_loss_web.js";
import { Bench } from "./bench.js";
import { byId } from "./format.js";
import { Playground } from "./playground.js";
import { Verify } from "./verify.js";

const VIEWS = ["playground", "verify", "bench"];
const playground = new Playground(failed);
const views = [playground, new Verify(failed), new Bench(failed)];

for (const view of VIEWS) {
  const tab = byId(`tab-${view}`);
  tab.onclick = () => { location.hash = view; };
  tab.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length];
    location.hash = next;
    byId(`tab-${next}`).focus();
  };
}
window.onhashchange = follow;
byId("state").querySelector("button").onclick = () => open();
follow();
await open();

/** Shows the view, and the loss, that the address names. */
function follow() {
  const [named, loss] = location.hash.slice(1).split("/");
  const current = VIEWS.includes(named) ? named : VIEWS[0];
  for (const view of VIEWS) {
    byId(view).hidden = view !== current;
    byId(`tab-${view}`).setAttribute("aria-selected", view === current);
    byId(`tab-${view}`).tabIndex = view === current ? 0 : -1;
  }
  if (loss) playground.choose(loss);
}

async function open() {
  byId("state").hidden = true;
  byId("adapter").textContent = "Opening the GPU …";
  try {
    const adapter = await found();
    if (!adapter) return;
    await init();
    const gpu = await Gpu.open();
    gpu.on_lost((reason) => failed(Object.assign(new Error(reason), { name: "DeviceLost" })));
    const names = { adapter: adapterName(adapter.info), driver: browserName() };
    byId("adapter").textContent = gpu.software ? `${names.adapter} (software)` : names.adapter;
    document.documentElement.dataset.ready = "";
    views.forEach((view) => view.use(gpu, names));
  } catch (error) {
    if (!failed(error)) state("The page cannot start", error.message, true);
  }
}

/** The browser's adapter; without one, why. */
async function found() {
  if (!navigator.gpu) {
    state("This browser has no WebGPU", window.isSecureContext
      ? "Chrome and Edge have it from version 113 on, Safari from 26, Firefox from 141 on Windows; on Linux, Chrome may want "
        + "chrome://flags/#enable-unsafe-webgpu. The losses themselves run without a browser too: see the library."
      : "Browsers offer WebGPU to secure pages only: open this one over https, or on localhost.");
    return undefined;
  }
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) {
    state("No GPU answers", "The browser has WebGPU but found no adapter: hardware acceleration may be switched off in its "
      + "settings, or the graphics driver may be on the browser’s list of those that it does not trust (chrome://gpu tells).", true);
  }
  return adapter;
}

/** Tells of a device that cannot go on. Whether the error was of that kind. */
function failed(error) {
  if (error.name === "DeviceLost") {
    views.forEach((view) => { view.gpu = undefined; });
    state("The GPU was lost", `The browser says: ${error.message || "nothing"}. Drivers restart, and browsers take devices `
      + "away that hang; what is on this page is still there.", true);
  } else if (error.name === "OutOfMemory") {
    state("The GPU is out of memory", `${error.message}. Close what else uses the GPU, or measure fewer scores.`);
  } else if (error.name === "NoAdapter") {
    state("No GPU answers", error.message, true);
  } else {
    return false;
  }
  return true;
}

function state(title, text, again = false) {
  const box = byId("state");
  box.querySelector("h2").textContent = title;
  box.querySelector("p").textContent = text;
  box.querySelector("button").hidden = !again;
  box.hidden = false;
  if (again || !navigator.gpu) byId("adapter").textContent = "No GPU";
}

/** What a browser tells of its adapter: little, to keep visitors apart no better than it must. */
function adapterName({ description, vendor, architecture, device }) {
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed adapter";
}

function browserName() {
  const brands = navigator.userAgentData?.brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand));
  const brand = brands?.find(({ brand }) => brand !== "Chromium") ?? brands?.[0];
  return brand ? `${brand.brand} ${brand.version} on ${navigator.userAgentData.platform}` : navigator.userAgent;
}
