// The playground: a small batch that can be edited, its loss and gradient from the GPU as one types.

import { byId, element, figure } from "./format.js";
import { IGNORED, SLIDERS, WORDS } from "./losses.js";
import { Request, losses } from "./gpu_loss_web.js";

const NAMES = ["cat", "dog", "bird", "fish", "frog", "horse", "deer", "ship"];
const SCORES = [[2.0, 0.5, -1.0, 0.1], [0.1, 1.2, 3.0, -0.7], [-0.4, 0.9, 0.3, 1.1], [1.5, -0.2, 0.4, 1.8]];
const PROBABILITIES = [[0.7, 0.15, 0.05, 0.1], [0.05, 0.15, 0.75, 0.05], [0.1, 0.4, 0.2, 0.3], [0.35, 0.05, 0.2, 0.4]];
const TRUE_CLASSES = [0, 2, 1, 3];
const MOST_ROWS = 6;

const fresh = () => ({
  scores: SCORES.map((row) => row.map(String)),
  probabilities: PROBABILITIES.map((row) => row.map(String)),
  truth: TRUE_CLASSES.map((t) => SCORES[0].map((_, j) => j === t)),
});

/** Each loss that the library has, in the order of the words for them: `several`, whether a row may have several true
 * classes; `row`, whether a loss belongs to a row; `probabilities`, whether the scores are such. */
function described() {
  const place = ({ name }) => WORDS.findIndex((words) => words.name === name);
  const listed = losses().map((loss) => {
    const words = WORDS[place(loss)] ?? { title: loss.about, short: loss.name, text: "", formulas: [] };
    const options = loss.options.filter((key) => SLIDERS[key]).map((key) => ({ key, ...SLIDERS[key] }));
    return { ...words, ...loss, options: [...options, IGNORED] };
  });
  return listed.sort((a, b) => (place(a) >>> 0) - (place(b) >>> 0));
}

export class Playground {
  #losses = [];
  #loss = undefined;
  #wanted = undefined;
  #batch = fresh();
  #options = new Map();
  #cells = [];
  #stale = false;
  #busy = false;

  /** `failed` hears what goes wrong with the device. */
  constructor(failed) {
    this.failed = failed;
  }

  /** Lists the losses, which the library knows once it is loaded. */
  #open() {
    this.#losses = described();
    byId("losses").append(...this.#losses.map((loss) => this.#choice(loss)));
    byId("more-rows").onclick = () => this.#resize(this.#rows + 1, this.#classes);
    byId("fewer-rows").onclick = () => this.#resize(this.#rows - 1, this.#classes);
    byId("more-classes").onclick = () => this.#resize(this.#rows, this.#classes + 1);
    byId("fewer-classes").onclick = () => this.#resize(this.#rows, this.#classes - 1);
    byId("reset").onclick = () => {
      this.#batch = fresh();
      this.#options.clear();
      this.choose(this.#loss.name);
    };
    const wanted = this.#losses.find((loss) => loss.name === this.#wanted) ?? this.#losses[0];
    this.choose(wanted.name);
  }

  /** The device that computes. */
  use(gpu) {
    this.gpu = gpu;
    if (this.#losses.length === 0) this.#open();
    this.#compute();
  }

  /** Shows another loss. */
  choose(name) {
    this.#wanted = name;
    const loss = this.#losses.find((each) => each.name === name);
    if (!loss) return;
    this.#loss = loss;
    byId(`loss-${name}`).checked = true;
    byId("loss-title").textContent = loss.title;
    byId("loss-text").textContent = loss.text;
    byId("formulas").innerHTML = loss.formulas.join("");
    if (!loss.several) this.#batch.truth = this.#batch.truth.map((row) => only(row, Math.max(row.indexOf(true), 0)));
    this.#build();
  }

  get #rows() { return this.#batch.truth.length; }
  get #classes() { return this.#batch.truth[0].length; }
  get #values() { return this.#loss.probabilities ? this.#batch.probabilities : this.#batch.scores; }

  #choice(loss) {
    const radio = element("input", { type: "radio", name: "loss", id: `loss-${loss.name}`, value: loss.name,
      onchange: () => { location.hash = `playground/${loss.name}`; } });
    return element("label", {}, radio, element("span", {}, loss.short));
  }

  #resize(rows, classes) {
    const { scores, probabilities, truth } = this.#batch;
    const fit = (row, filler) => Array.from({ length: classes }, (_, j) => row?.[j] ?? filler);
    const all = (rowsOf, filler) => Array.from({ length: rows }, (_, r) => fit(rowsOf[r], filler));
    this.#batch = { scores: all(scores, "0"), probabilities: all(probabilities, "0.1"), truth: all(truth, false) };
    // A row of which the true class was removed, and a new one, has the first.
    this.#batch.truth.forEach((row) => { if (!row.includes(true) && !this.#loss.several) row[0] = true; });
    this.#batch.truth.slice(truth.length).forEach((row) => { row[0] = true; });
    this.#build();
  }

  /** Builds options and rows anew. */
  #build() {
    byId("options").replaceChildren(element("legend", {}, "Options"), this.#reduction(),
      ...this.#loss.options.map((option) => this.#slider(option)));
    this.#cells = [];
    byId("rows").replaceChildren(...this.#batch.truth.map((_, r) => this.#card(r)));
    byId("fewer-rows").disabled = this.#rows === 1;
    byId("more-rows").disabled = this.#rows === MOST_ROWS;
    byId("fewer-classes").disabled = this.#classes === 2;
    byId("more-classes").disabled = this.#classes === NAMES.length;
    byId("note").textContent = this.#loss.probabilities
      ? "The gradient is with respect to the given probabilities. Training steps against it: a bar to the left raises, a bar to the right lowers."
      : "Training steps against the gradient: a bar to the left raises its score, a bar to the right lowers it.";
    this.#compute();
  }

  #setting(option) {
    const value = this.#options.get(option.key) ?? option.start;
    return option.classes ? Math.min(value, this.#classes - 1) : value;
  }

  #reduction() {
    const chosen = this.#options.get("reduction") ?? "mean";
    const radio = (value) => element("label", {}, element("input", { type: "radio", name: "reduction", value,
      checked: chosen === value, onchange: () => { this.#options.set("reduction", value); this.#compute(); } }), ` ${value}`);
    return element("div", { class: "option", role: "radiogroup", "aria-labelledby": "reduction-label" },
      element("span", { id: "reduction-label" }, "Reduction"), element("span", { class: "radios" }, radio("mean"), radio("sum")));
  }

  #slider(option) {
    const value = this.#setting(option);
    const told = (v) => {
      if (option.off !== undefined && v <= option.min) return option.off;
      return option.classes ? NAMES[v] : v.toFixed(option.step < 0.1 ? 2 : 1);
    };
    const output = element("output", { for: `option-${option.key}` }, told(value));
    const input = element("input", { type: "range", id: `option-${option.key}`, min: option.min, step: option.step,
      max: option.classes ? this.#classes - 1 : option.max, value, "aria-valuetext": told(value) });
    input.oninput = () => {
      // A step below the least is off; sums of steps are not quite round.
      const set = Math.round(Number(input.value) * 1000) / 1000;
      this.#options.set(option.key, set);
      output.textContent = told(set);
      input.setAttribute("aria-valuetext", told(set));
      this.#compute();
    };
    return element("div", { class: "option" }, element("label", { for: input.id }, option.label), output, input);
  }

  /** One row of the batch: its classes under each other. */
  #card(r) {
    const loss = element("span", { class: "row-loss" });
    const cells = { loss, classes: [] };
    const lines = this.#batch.truth[r].map((truth, j) => {
      const name = NAMES[j];
      const score = element("input", { type: "text", inputmode: "decimal", value: this.#values[r][j], size: 5, autocomplete: "off",
        "aria-label": `${this.#loss.probabilities ? "Probability" : "Score"} of ${name}, row ${r + 1}` });
      score.oninput = () => { this.#values[r][j] = score.value; this.#compute(); };
      score.onkeydown = (event) => this.#step(event, score);
      const box = element("input", { type: this.#loss.several ? "checkbox" : "radio", name: `truth-${r}`, checked: truth,
        "aria-label": `${name} is true in row ${r + 1}` });
      box.onchange = () => {
        const row = this.#batch.truth[r];
        this.#batch.truth[r] = this.#loss.several ? row.with(j, box.checked) : only(row, j);
        this.#compute();
      };
      const parts = { score, activation: bar("activation"), gradient: bar("gradient") };
      parts.line = element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, score),
        element("td", { class: "truth" }, box), parts.activation.cell, parts.gradient.cell);
      cells.classes.push(parts);
      return parts.line;
    });
    this.#cells.push(cells);
    const heads = ["Class", this.#loss.probabilities ? "Given" : "Score", "True", this.#loss.probabilities ? "Probability" : "Activation", "Gradient"];
    return element("article", { "aria-label": `Row ${r + 1}` }, element("h3", {}, `Row ${r + 1} `, loss),
      element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, ...lines)));
  }

  /** Up and down in a score, by a tenth; with the shift key by one. */
  #step(event, score) {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction || number(score.value) === undefined) return;
    event.preventDefault();
    const step = this.#loss.probabilities ? 0.05 : event.shiftKey ? 1 : 0.1;
    const moved = Math.round((number(score.value) + direction * step) * 1000) / 1000;
    score.value = String(this.#loss.probabilities ? Math.min(Math.max(moved, 0), 1) : moved);
    score.oninput();
  }

  /** Computes once more; while the GPU is at work, only the last change counts. */
  async #compute() {
    this.#stale = true;
    if (this.#busy || !this.gpu) return;
    this.#busy = true;
    while (this.#stale && this.gpu) {
      this.#stale = false;
      try {
        const request = this.#request();
        if (request) this.#show(await this.gpu.compute(request));
      } catch (error) {
        if (!this.failed(error)) this.#complain(error.message);
      }
    }
    this.#busy = false;
  }

  /** What is to be computed, or nothing as long as something is no number. */
  #request() {
    const values = this.#values.map((row) => row.map(number));
    this.#cells.forEach((row, r) => row.classes.forEach(({ score }, j) => score.setAttribute("aria-invalid", values[r][j] === undefined)));
    const wrong = values.flatMap((row, r) => row.map((v, j) => (v === undefined ? `row ${r + 1}, ${NAMES[j]}` : ""))).find(Boolean);
    if (wrong) return this.#complain(`${wrong}: a number is expected`);
    const setting = (key) => {
      const option = this.#loss.options.find((each) => each.key === key);
      return option && this.#setting(option);
    };
    const ignored = setting("ignored");
    const one = this.#batch.truth.every((row) => row.filter(Boolean).length === 1);
    if (ignored >= 0 && !one) return this.#complain("A class can be ignored only where each row has exactly one true class.");
    const request = new Request(this.#loss.name, this.#rows, Float32Array.from(values.flat()), Uint8Array.from(this.#batch.truth.flat()));
    for (const { key, off, min } of this.#loss.options.filter((option) => !option.classes)) {
      // The least of a slider that can be switched off stands for that.
      if (off === undefined || setting(key) > min) request.set(key, setting(key));
    }
    request.ignored = ignored >= 0 ? ignored : undefined;
    request.sum = this.#options.get("reduction") === "sum";
    return request;
  }

  #complain(words) {
    byId("problem").textContent = words;
    byId("problem").hidden = false;
    byId("loss").textContent = "–";
    byId("reference").textContent = "";
  }

  #show({ loss, reference, within, gradient, losses, activations }) {
    byId("problem").hidden = true;
    byId("loss").textContent = figure(loss);
    byId("loss-label").textContent = this.#options.get("reduction") === "sum" ? "Summed loss" : "Mean loss";
    byId("reference").textContent = within
      ? `float64 reference ${figure(reference, 7)}: within the promised accuracy`
      : `float64 reference ${figure(reference, 7)}: outside the promised accuracy`;
    byId("reference").classList.toggle("bad", !within);
    const largest = Math.max(...gradient.map(Math.abs).filter(Number.isFinite), 1e-6);
    const ignored = this.#loss.options.some((o) => o.key === "ignored") ? this.#options.get("ignored") ?? -1 : -1;
    this.#cells.forEach((row, r) => {
      const at = r * this.#classes;
      const own = this.#loss.row ? losses[r] : losses.slice(at, at + this.#classes).reduce((a, b) => a + b, 0);
      row.loss.textContent = this.#batch.truth[r][ignored] ? "ignored" : `loss ${figure(own)}`;
      row.classes.forEach(({ line, activation, gradient: slope }, j) => {
        line.classList.toggle("true", this.#batch.truth[r][j]);
        activation.set(activations[at + j], 0, Math.min(Math.max(activations[at + j], 0), 1));
        slope.set(gradient[at + j], 0.5, gradient[at + j] / largest / 2);
      });
    });
  }
}

/** A row of which one class is true. */
const only = (row, at) => row.map((_, j) => j === at);

/** The number that a reader means, a comma for a point and the long minus included. */
function number(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  const value = Number(plain);
  return plain !== "" && Number.isFinite(value) ? value : undefined;
}

/** A cell with a number and a bar behind it, from `origin` by a part of the width. */
function bar(name) {
  const text = element("span", { class: "figure" });
  const fill = element("i", {});
  const cell = element("td", { class: name }, text, element("span", { class: "bar", "aria-hidden": "true" }, fill));
  const set = (value, origin, length) => {
    text.textContent = figure(value, 3);
    const part = Number.isFinite(length) ? length : 0;
    fill.style.left = `${100 * Math.min(origin, origin + part)}%`;
    fill.style.width = `${100 * Math.abs(part)}%`;
    fill.className = part < 0 ? "below" : "above";
  };
  return { cell, set };
}
