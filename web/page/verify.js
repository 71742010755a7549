// The check of the visitor's GPU, step by step.

import { byId, element, percent, scientific } from "./format.js";

export class Verify {
  #stop = false;
  #running = false;

  /** `failed` hears what goes wrong with the device. */
  constructor(failed) {
    this.failed = failed;
    byId("verify-start").onclick = () => (this.#running ? (this.#stop = true) : this.#run());
  }

  use(gpu) {
    this.gpu = gpu;
  }

  async #run() {
    if (!this.gpu) return;
    const [start, verdict, now] = ["verify-start", "verify-verdict", "verify-now"].map(byId);
    const tally = new Tally();
    this.#running = true;
    this.#stop = false;
    start.textContent = "Stop";
    verdict.className = "verdict";
    verdict.textContent = "Checking …";
    byId("verify-progress").value = 0;
    tally.show();
    const begin = performance.now();
    let painted = 0;
    try {
      await this.gpu.verify((step) => {
        tally.add(step);
        byId("verify-progress").value = step.progress;
        if (performance.now() - painted > 100) {
          painted = performance.now();
          now.textContent = step.case;
          tally.show();
        }
        return !this.#stop;
      });
      verdict.textContent = tally.verdict((performance.now() - begin) / 1000, this.#stop);
      verdict.classList.add(tally.failures.length ? "bad" : "good");
    } catch (error) {
      if (!this.failed(error)) verdict.textContent = error.message;
      else verdict.textContent = "";
    }
    now.textContent = "";
    tally.show();
    start.textContent = "Check this GPU again";
    this.#running = false;
  }
}

/** What came of the combinations so far. */
class Tally {
  combinations = 0;
  failures = [];
  refused = [];
  rows = new Map();

  add(step) {
    if (step.refused) return this.refused.push(`${step.case}: ${step.refused}`);
    this.combinations += 1;
    if (!step.kept) this.failures.push(`${step.case}: ${percent(step.share)} of what is promised`);
    const key = `${step.loss} ${step.targets}`;
    const row = this.rows.get(key) ?? { ...step, runs: 0, share: 0, lossError: 0, gradientError: 0, strategies: new Set() };
    row.runs += 1;
    for (const worst of ["share", "lossError", "gradientError"]) row[worst] = Math.max(row[worst], step[worst]);
    row.strategies.add(step.strategy);
    this.rows.set(key, row);
  }

  verdict(seconds, stopped) {
    const { combinations, failures, refused } = this;
    const outcome = failures.length === 0 ? "all within the promised accuracy"
      : `${failures.length} outside the promised accuracy`;
    const left = refused.length ? `; ${refused.length} refused for want of limits` : "";
    return `${stopped ? "Stopped after " : ""}${combinations} combinations in ${seconds.toFixed(0)} s: ${outcome}${left}.`;
  }

  show() {
    for (const id of ["verify-caption", "verify-region"]) byId(id).hidden = this.rows.size === 0;
    byId("verify-rows").replaceChildren(...[...this.rows.values()].map((row) => element("tr", {},
      element("th", { scope: "row" }, row.loss), element("td", {}, row.targets), element("td", { class: "n" }, `${row.runs}`),
      element("td", { class: row.share <= 1 ? "n" : "n bad" }, percent(row.share)),
      element("td", { class: "n" }, scientific(row.lossError)), element("td", { class: "n" }, scientific(row.gradientError)),
      element("td", { class: "dim" }, [...row.strategies].sort().join(", ")))));
    const said = [...this.failures, ...this.refused];
    byId("verify-failures").hidden = said.length === 0;
    byId("verify-failures").replaceChildren(...said.slice(0, 20).map((words) => element("li", {}, words)),
      ...(said.length > 20 ? [element("li", {}, `… and ${said.length - 20} more`)] : []));
  }
}
