//! From scores to what the softmax is over: `u_j = T(x_j) + bias_j`, with a margin on the true class; and what is told of a
//! row by `u` alone.

use crate::loss::Spec;

/// A row's `u`, and `∂u_j/∂x_j`, in place of the numbers of the row before.
pub(super) fn logits(spec: &Spec, x: &[f64], label: Option<usize>, u: &mut Vec<f64>, slopes: &mut Vec<f64>) {
    u.clear();
    slopes.clear();
    let label = label.filter(|_| spec.has_margin());
    for (j, x) in x.iter().enumerate() {
        let (cosine, slope) = if label == Some(j) { with_margin(spec, *x) } else { (*x, 1.0) };
        u.push(transform(spec, cosine) + bias(spec, j));
        slopes.push(self::slope(spec, cosine) * slope);
    }
}

/// `T(x)`; `−∞` stays a mask.
pub(super) fn transform(spec: &Spec, x: f64) -> f64 {
    if x == f64::NEG_INFINITY {
        return x;
    }
    let u = spec.scale() * x;
    spec.softcap.map_or(u, |cap| f64::from(cap) * (u / f64::from(cap)).tanh())
}

/// `T'(x)`
pub(super) fn slope(spec: &Spec, x: f64) -> f64 {
    let scale = spec.scale();
    spec.softcap.map_or(scale, |cap| scale / (scale * x / f64::from(cap)).cosh().powi(2))
}

/// What is added to a class's score.
pub(super) fn bias(spec: &Spec, class: usize) -> f64 {
    spec.class_bias.as_ref().map_or(0.0, |bias| f64::from(bias[class]))
}

/// `cos(m₁·θ + m₂) − m₃` of `θ = acos x`, and its slope; where the angle would pass π, `x − m₂·sin m₂ − m₃`. A cosine outside
/// of [−1, 1] is clamped, a mask stays one.
fn with_margin(spec: &Spec, x: f64) -> (f64, f64) {
    let [m1, m2, m3] = [spec.margin_multiplier, spec.margin_angle, spec.margin_cosine].map(f64::from);
    if x == f64::NEG_INFINITY {
        return (x, 0.0);
    }
    let inside = if x.abs() <= 1.0 { 1.0 } else { 0.0 };
    let x = x.clamp(-1.0, 1.0);
    let angle = m1 * x.acos() + m2;
    if (m1, m2) == (1.0, 0.0) {
        return (x - m3, inside);
    }
    if angle > std::f64::consts::PI {
        return (x - m2 * m2.sin() - m3, inside);
    }
    (angle.cos() - m3, inside * m1 * angle.sin() / (1.0 - x * x).max(1e-12).sqrt())
}

/// The first of the greatest.
pub(super) fn argmax(u: &[f64]) -> usize {
    (1..u.len()).fold(0, |best, j| if u[j] > u[best] { j } else { best })
}

/// `Σ exp(u_j − u_top)` over all classes but `top`.
pub(super) fn rest(u: &[f64], top: usize) -> f64 {
    u.iter().enumerate().filter(|(j, _)| *j != top).map(|(_, v)| (v - u[top]).exp()).sum()
}

/// A row's entropy `H = lse − Σ p_j·u_j`, and its gradient.
pub(super) struct Entropy {
    pub(super) value: f64,
    /// `∂H/∂u_j = −p_j·(log p_j + H)`
    pub(super) grad: Vec<f64>,
    /// What its terms come to before they are subtracted from each other.
    pub(super) terms: Vec<f64>,
}

/// `u_y − lse`, without the digits that an lse of large scores has lost.
pub(super) fn log_softmax(u: &[f64], class: usize) -> f64 {
    let top = argmax(u);
    (u[class] - u[top]) - rest(u, top).ln_1p()
}

/// `H = log Σ + Σ p_j·(max − u_j)`: terms that are never negative.
pub(super) fn entropy(u: &[f64]) -> Entropy {
    let top = argmax(u);
    let rest = rest(u, top);
    let p = |j: usize| (u[j] - u[top]).exp() / (1.0 + rest);
    let gap = |j: usize| if p(j) == 0.0 { 0.0 } else { u[top] - u[j] };
    let mean_gap: f64 = (0..u.len()).map(|j| p(j) * gap(j)).sum();
    Entropy {
        value: rest.ln_1p() + mean_gap,
        grad: (0..u.len()).map(|j| p(j) * (gap(j) - mean_gap)).collect(),
        terms: (0..u.len()).map(|j| p(j) * (gap(j) + mean_gap)).collect(),
    }
}

/// How many classes have a greater `u` than the true class, or an equal one and a lower index; and how many are so close
/// to it, where `u` is more than the score, that f32 may order them otherwise.
pub(super) fn rank(spec: &Spec, x: &[f64], u: &[f64], class: usize) -> (u32, u32) {
    // Without bias and margin `u` rises with `x`, whose order no rounding changes.
    let rounds = spec.class_bias.is_some() || spec.has_margin();
    let by = if rounds { u } else { x };
    let ahead = |j: &usize| by[*j] > by[class] || by[*j] == by[class] && *j < class;
    let close =
        |j: &usize| rounds && *j != class && (u[*j] - u[class]).abs() <= 1e-6 * (u[*j].abs() + u[class].abs() + 1.0);
    let count = |which: &dyn Fn(&usize) -> bool| (0..u.len()).filter(which).count() as u32;
    (count(&ahead), count(&close))
}
