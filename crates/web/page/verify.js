// The check of the visitor's GPU, step by step.

import { byId, element, percent, scientific } from "./format.js";

/** How many failing cases are listed. */
const LISTED = 20;

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
      verdict.textContent = this.failed(error) ? "The check ended early." : error.message;
      verdict.classList.add("bad");
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
    if (!step.kept) {
      this.failures.push(`${step.case}: loss ${percent(step.lossShare)}, gradient ${percent(step.gradientShare)} of what is promised`);
    }
    const key = `${step.loss} ${step.targets}`;
    const row = this.rows.get(key) ?? { ...step, runs: 0, strategies: new Set() };
    row.runs += 1;
    for (const worst of ["lossShare", "lossError", "gradientShare", "gradientError"]) row[worst] = Math.max(row[worst], step[worst]);
    row.strategies.add(step.strategy);
    this.rows.set(key, row);
  }

  verdict(seconds, stopped) {
    const { combinations, failures, refused } = this;
    const outcome = failures.length === 0 ? "all within the promised accuracy"
      : `${failures.length} outside the promised accuracy`;
    const left = refused.length ? `; ${refused.length} more need larger limits` : "";
    return `${stopped ? "Stopped after " : ""}${combinations} combinations in ${seconds.toFixed(0)} s: ${outcome}${left}.`;
  }

  show() {
    const share = (value) => element("td", { class: value <= 1 ? "n" : "n bad" }, percent(value));
    const error = (value) => element("td", { class: "n dim" }, scientific(value));
    for (const id of ["verify-caption", "verify-region"]) byId(id).hidden = this.rows.size === 0;
    byId("verify-rows").replaceChildren(...[...this.rows.values()].map((row) => element("tr", {},
      element("th", { scope: "row" }, row.loss), element("td", {}, row.targets), element("td", { class: "n" }, `${row.runs}`),
      share(row.lossShare), error(row.lossError), share(row.gradientShare), error(row.gradientError),
      element("td", { class: "dim" }, [...row.strategies].sort().join(", ")))));
    list("verify-failures", this.failures);
    list("verify-refused", this.refused);
  }
}

/** Shows the first of some lines, or nothing. */
function list(id, lines) {
  const rest = lines.length > LISTED ? [`… and ${lines.length - LISTED} more`] : [];
  byId(id).hidden = lines.length === 0;
  byId(id).replaceChildren(...lines.slice(0, LISTED).concat(rest).map((words) => element("li", {}, words)));
}
