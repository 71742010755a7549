// The benchmark: figures, a chart, and a file that `gpu-loss bench --json` could have written.

import { chart } from "./chart.js";
import { byId, element, grouped, percent } from "./format.js";

export class Bench {
  #stop = false;
  #running = false;
  #rows = [];

  /** `failed` hears what goes wrong with the device. */
  constructor(failed) {
    this.failed = failed;
    byId("bench-start").onclick = () => (this.#running ? (this.#stop = true) : this.#run());
    byId("bench-download").onclick = () => this.#download();
    new ResizeObserver(() => this.#draw()).observe(byId("bench-chart"));
  }

  /** The names are the browser's, for adapter and driver. */
  use(gpu, names) {
    this.gpu = gpu;
    this.names = names;
    if (gpu.software) byId("bench-elements").value = "1048576";
  }

  async #run() {
    if (!this.gpu) return;
    const [start, verdict, now] = ["bench-start", "bench-verdict", "bench-now"].map(byId);
    this.#running = true;
    this.#stop = false;
    this.#rows = [];
    start.textContent = "Stop";
    verdict.className = "verdict";
    verdict.textContent = "Measuring …";
    this.#show();
    const begin = performance.now();
    try {
      const elements = Number(byId("bench-elements").value);
      const all = byId("bench-shapes").value === "all";
      await this.gpu.bench(elements, all, this.names.adapter, this.names.driver, (step) => {
        byId("bench-progress").value = step.progress;
        if (step.next) now.textContent = step.next;
        if (step.row) {
          this.#rows.push(step.row);
          this.#show();
        }
        return !this.#stop;
      });
      const seconds = ((performance.now() - begin) / 1000).toFixed(0);
      verdict.textContent = `${this.#stop ? "Stopped after " : ""}${this.#rows.length} shapes in ${seconds} s on ${this.names.adapter}.`;
    } catch (error) {
      verdict.textContent = this.failed(error) ? "The measurement ended early." : error.message;
      verdict.classList.add("bad");
    }
    now.textContent = "";
    start.textContent = "Measure again";
    this.#running = false;
  }

  #show() {
    const rows = this.#rows;
    for (const id of ["bench-figure", "bench-caption", "bench-region", "bench-download"]) byId(id).hidden = rows.length === 0;
    if (rows.length === 0) return;
    byId("bench-caption").textContent = `${this.names.adapter}, ${this.names.driver}, timed `
      + (rows[0].timer === "gpu" ? "by the GPU’s clock" : "from submission until done");
    this.#draw();
    const cell = (text, kind) => element("td", kind ? { class: kind } : {}, text);
    byId("bench-rows").replaceChildren(...rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.loss),
      cell(row.targets), cell(grouped(row.rows), "n"), cell(grouped(row.classes), "n"), cell(row.dtype), cell(row.mode),
      cell(row.strategy, "dim"), cell(row.median_ms.toFixed(3), "n"), cell(row.gbps.toFixed(1), "n"),
      cell(row.copy_gbps.toFixed(1), "n"), cell(percent(row.of_copy), "n strong"))));
  }

  #draw() {
    const place = byId("bench-chart");
    if (this.#rows.length && place.clientWidth) place.replaceChildren(chart(this.#rows, place.clientWidth));
  }

  #download() {
    const file = new Blob([`${JSON.stringify(this.#rows, null, 2)}\n`], { type: "application/json" });
    const link = element("a", { href: URL.createObjectURL(file), download: "gpu-loss-bench.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}
