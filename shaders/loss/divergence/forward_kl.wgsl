// KL(t‖p) = Σ t·log(t/p), gradient (p − t)/τ.

const MIXES = false;
const BY_TEACHER = true; // t weighs

fn mixture_terms(x: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

fn with_divergence(row: FinishedRow, d: vec4<f32>) -> FinishedRow {
    var r = row;
    r.loss = d * r.teacher_share - r.shift;
    return r;
}

// p − t in which the two ones of confident rows cancel first.
fn slope_of(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    let e = teacher_numerator(r, v);
    return ((numerator - e) + (numerator * r.teacher_rest - e * r.rest)) * r.share * r.teacher_share;
}
