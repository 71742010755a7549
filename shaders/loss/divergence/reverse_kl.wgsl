// KL(p‖t) = Σ p·log(p/t), gradient p·(log(p/t) − KL)/τ.

const MIXES = false;
const BY_TEACHER = false; // p weighs

fn mixture_terms(x: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

fn with_divergence(row: FinishedRow, d: vec4<f32>) -> FinishedRow {
    var r = row;
    r.loss = d * r.share + r.shift;
    r.centre = r.loss;
    return r;
}

fn slope_of(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    let slope = numerator * r.share * (log_ratio(r, x, v) - r.centre);
    return select(slope, vec4(0.0), numerator == vec4(0.0));
}
