// The losses in words and formulas. Which there are, in which order, what targets and options each takes: the library's
// registry says (playground.js asks it); a loss without words here is shown by its name alone.

const i = (name) => `<mi>${name}</mi>`;
const o = (sign) => `<mo>${sign}</mo>`;
const n = (number) => `<mn>${number}</mn>`;
const row = (...parts) => `<mrow>${parts.join("")}</mrow>`;
const sub = (base, index) => `<msub>${i(base)}${i(index)}</msub>`;
const sup = (base, power) => `<msup>${base}${power}</msup>`;
const frac = (above, below) => `<mfrac>${above}${below}</mfrac>`;
const sum = (index) => `<munder>${o("∑")}${i(index)}</munder>`;
const paren = (...parts) => row(`<mo stretchy="false">(</mo>`, ...parts, `<mo stretchy="false">)</mo>`);
const space = `<mspace width="0.2em"></mspace>`;
const log = (...of) => row(space, i("log"), space, ...of);
const negative = (...of) => row(`<mo form="prefix" lspace="0" rspace="0.1em">−</mo>`, ...of);
const math = (...parts) => `<math display="block">${row(...parts)}</math>`;
const one_minus = (what) => paren(n(1), o("−"), what);
const slope = (of) => frac(row(o("∂"), of), row(o("∂"), sub("z", "j")));

const softmax = math(sub("p", "j"), o("="), frac(sup(i("e"), sub("z", "j")), row(sum("k"), sup(i("e"), sub("z", "k")))));
const sigmoid = math(sub("p", "j"), o("="), frac(n(1), row(n(1), o("+"), sup(i("e"), negative(sub("z", "j"))))));
const smoothed = math(sub("t", "j"), o("="), one_minus(i("ε")), sub("y", "j"), o("+"), frac(i("ε"), i("C")));

/** Sliders of options by the names that the library has for them; an option without one keeps its default. */
export const SLIDERS = {
  label_smoothing: { label: "Label smoothing ε", min: 0, max: 1, step: 0.01, start: 0 },
  gamma: { label: "Focusing γ", min: 0, max: 5, step: 0.1, start: 2 },
  alpha: { label: "Balance α", min: -0.05, max: 1, step: 0.05, start: 0.25, off: "off" },
  epsilon: { label: "Weight ε of 1 − p", min: -1, max: 5, step: 0.1, start: 1 },
  gamma_positive: { label: "Focusing γ₊ of true classes", min: 0, max: 5, step: 0.1, start: 1 },
  gamma_negative: { label: "Focusing γ₋ of false ones", min: 0, max: 5, step: 0.1, start: 4 },
  clip: { label: "Clip of false ones", min: 0, max: 0.5, step: 0.01, start: 0.05 },
  temperature: { label: "Temperature τ", min: 0.1, max: 4, step: 0.1, start: 1 },
  logit_scale: { label: "Logit scale (1 / temperature)", min: 0.1, max: 4, step: 0.1, start: 1 },
};

/** The slider that every loss has. */
export const IGNORED = { key: "ignored", label: "Ignored class", min: -1, step: 1, start: -1, off: "none", classes: true };

/** What is said of each loss. */
export const WORDS = [
  {
    name: "softmax_ce", title: "Softmax cross-entropy", short: "Softmax CE",
    text: "Categorical cross-entropy: one distribution over the classes of each row, and the loss is how surprised it is "
      + "by the true class. Pushing the true class up pushes all others down. With several true classes, each weighs 1/M.",
    formulas: [softmax, math(i("L"), o("="), negative(), sum("j"), sub("t", "j"), log(sub("p", "j"))), smoothed,
      math(slope(i("L")), o("="), sub("p", "j"), o("−"), sub("t", "j"))],
  },
  {
    name: "sigmoid_ce", title: "Sigmoid cross-entropy", short: "Sigmoid CE",
    text: "Binary cross-entropy with logits: each class is a yes-or-no question of its own, so any number of them may be "
      + "true, and the gradient of one does not see the scores of the others.",
    formulas: [sigmoid,
      math(sub("L", "j"), o("="), negative(), sub("y", "j"), log(sub("p", "j")), o("−"), one_minus(sub("y", "j")), log(one_minus(sub("p", "j")))),
      math(slope(sub("L", "j")), o("="), sub("p", "j"), o("−"), sub("y", "j"))],
  },
  {
    name: "softmax_focal", title: "Softmax focal loss", short: "Softmax focal",
    text: "Cross-entropy that turns away from what it already knows: the better a row is classified, the less it counts. "
      + "At γ = 0 it is the plain cross-entropy.",
    formulas: [softmax, math(i("L"), o("="), negative(), sup(one_minus(sub("p", "y")), i("γ")), log(sub("p", "y"))),
      math(slope(i("L")), o("="), i("K"), paren(sub("p", "j"), o("−"), sub("y", "j"))),
      math(i("K"), o("="), sup(one_minus(sub("p", "y")), i("γ")), o("−"), i("γ"), sup(one_minus(sub("p", "y")), row(i("γ"), o("−"), n(1))), sub("p", "y"), log(sub("p", "y")))],
  },
  {
    name: "sigmoid_focal", title: "Sigmoid focal loss", short: "Sigmoid focal",
    text: "The focal loss of RetinaNet: binary cross-entropy in which thousands of easy negatives no longer drown a few "
      + "hard positives. α weighs true classes against false ones.",
    formulas: [sigmoid,
      math(sub("q", "j"), o("="), row(sub("y", "j"), sub("p", "j"), o("+"), one_minus(sub("y", "j")), one_minus(sub("p", "j")))),
      math(sub("α", "j"), o("="), row(sub("y", "j"), i("α"), o("+"), one_minus(sub("y", "j")), one_minus(i("α")))),
      math(sub("L", "j"), o("="), negative(), sub("α", "j"), sup(one_minus(sub("q", "j")), i("γ")), log(sub("q", "j")))],
  },
  {
    name: "poly_1", title: "Poly-1 cross-entropy", short: "Poly-1",
    text: "Cross-entropy whose first polynomial term weighs more (ε above 0) or less (below 0): with ε at 1, rows that are "
      + "already right go on to count. At ε = 0 it is the plain cross-entropy.",
    formulas: [softmax, math(i("L"), o("="), negative(), log(sub("p", "y")), o("+"), i("ε"), one_minus(sub("p", "y"))),
      math(slope(i("L")), o("="), paren(n(1), o("+"), i("ε"), sub("p", "y")), paren(sub("p", "j"), o("−"), sub("y", "j")))],
  },
  {
    name: "asymmetric", title: "Asymmetric loss", short: "Asymmetric",
    text: "Binary cross-entropy for rows with few true classes among many: false ones are focused harder than true ones, and "
      + "those with a probability below the clip count for nothing.",
    formulas: [sigmoid,
      math(sub("L", "j"), o("="), negative(), sub("y", "j"), sup(one_minus(sub("p", "j")), "<mi>γ₊</mi>"), log(sub("p", "j")), o("−"),
        one_minus(sub("y", "j")), sup(sub("m", "j"), "<mi>γ₋</mi>"), log(one_minus(sub("m", "j")))),
      math(sub("m", "j"), o("="), i("max"), paren(sub("p", "j"), o("−"), i("clip"), o(","), n(0)))],
  },
  {
    name: "info_nce", title: "InfoNCE", short: "InfoNCE",
    text: "Softmax cross-entropy over similarities: each row's positive among its columns, at a temperature. Along rows and "
      + "columns at once it is the loss of CLIP.",
    formulas: [math(sub("p", "j"), o("="), frac(sup(i("e"), row(sub("z", "j"), o("/"), i("τ"))), row(sum("k"), sup(i("e"), row(sub("z", "k"), o("/"), i("τ")))))),
      math(i("L"), o("="), negative(), log(sub("p", "y"))),
      math(slope(i("L")), o("="), frac(row(sub("p", "j"), o("−"), sub("y", "j")), i("τ")))],
  },
  {
    name: "ce", title: "Cross-entropy of probabilities", short: "CE",
    text: "Negative log-likelihood: the probabilities are given, no activation is applied, and the gradient is with respect "
      + "to them. Only the true class has one.",
    formulas: [math(i("L"), o("="), negative(), sum("j"), sub("t", "j"), log(sub("z", "j"))), smoothed,
      math(slope(i("L")), o("="), negative(), frac(sub("t", "j"), sub("z", "j")))],
  },
  {
    name: "bce", title: "Binary cross-entropy of probabilities", short: "BCE",
    text: "Each class's probability is given and stands for itself. Logarithms stop at −100, so that a certain mistake costs "
      + "much, but not infinitely much.",
    formulas: [
      math(sub("L", "j"), o("="), negative(), sub("y", "j"), log(sub("z", "j")), o("−"), one_minus(sub("y", "j")), log(one_minus(sub("z", "j")))),
      math(slope(sub("L", "j")), o("="), frac(row(sub("z", "j"), o("−"), sub("y", "j")), row(sub("z", "j"), one_minus(sub("z", "j")))))],
  },
];
