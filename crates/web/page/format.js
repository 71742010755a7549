// Numbers and elements, as all views write them.

/** A number of the playground: four decimals, or powers of ten where those would not do. */
export function figure(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 0.5 * 10 ** -digits)) return scientific(value);
  const text = value.toFixed(digits);
  // No minus before nothing.
  return minus(Number(text) === 0 ? text.replace("-", "") : text);
}

/** Two digits and a power of ten. */
export function scientific(value) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return figure(value);
  const [digits, power] = value.toExponential(1).split("e");
  const raised = [...power.replace("+", "")].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  return `${minus(digits)}·10${raised}`;
}

export const percent = (share) => (Number.isFinite(share) ? `${Math.round(share * 100)} %` : "∞");
export const grouped = (count) => count.toLocaleString("en").replaceAll(",", "\u202f");
export const byId = (id) => document.getElementById(id);

const minus = (text) => text.replace("-", "−");

/** An element with attributes and children; `on…` attributes are listeners. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
