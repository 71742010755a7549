// Bars against the line of the best copy.

import { grouped, percent } from "./format.js";

const LABELS = 280;

/** An SVG of the rows' shares of a copy, so many pixels wide; where that is little, labels stand above their bars. */
export function chart(rows, width) {
  const narrow = width < 560;
  const [line, left, top] = narrow ? [42, 0, 20] : [26, LABELS, 3];
  const most = Math.max(1.1, ...rows.map((row) => row.of_copy)) * 1.08;
  const x = (share) => left + (share / most) * (width - left - 44);
  const height = rows.length * line + 30;
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": described(rows) });
  for (const share of narrow ? [0.5, 1] : [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(make("line", { x1: x(share), x2: x(share), y1: 0, y2: height - 22, class: share === 1 ? "copy" : "grid" }),
      make("text", { x: x(share), y: height - 6, class: "middle" }, share === 1 ? "a copy" : percent(share)));
  }
  rows.forEach((row, at) => {
    const y = at * line + top;
    svg.append(make("text", narrow ? { x: 0, y: y - 5, class: "label" } : { x: left - 10, y: y + 14, class: "label end" }, label(row)),
      make("rect", { x: left, y: y + 2, width: Math.max(x(row.of_copy) - left, 1), height: 16, rx: 2, class: row.dtype }),
      make("text", { x: x(row.of_copy) + 8, y: y + 15, class: "value" }, percent(row.of_copy)));
  });
  return svg;
}

function label(row) {
  const what = row.mode === "loss+grad" ? row.targets : `${row.targets}, ${row.mode}`;
  const loss = row.loss === "softmax-ce" ? "" : `${row.loss} `;
  return `${loss}${what}, C ${grouped(row.classes)}, ${row.dtype}`;
}

const described = (rows) => `Share of the best copy: ${rows.map((row) => `${label(row)} ${percent(row.of_copy)}`).join("; ")}`;

function make(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}
