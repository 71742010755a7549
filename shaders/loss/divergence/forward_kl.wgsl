// KL(t‖p) = Σ t·log(t/p), gradient (p − t)/τ.

const MIXES = false;
const BY_TEACHER = true; // t weighs

fn wants_terms(r: FinishedRow) -> vec4<bool> {
    return cancels(r, teacher.d * r.teacher_share - r.shift);
}

fn row_terms(x: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 2> {
    let t = teacher_numerator(known, v) * known.teacher_share;
    let p = student_numerator(x, known.max) * known.share;
    return array<vec4<f32>, 2>(kl_term(t, p, log_ratio(known, x, v)), vec4(0.0));
}

fn with_divergence(row: FinishedRow, d: vec4<f32>) -> FinishedRow {
    var r = row;
    r.loss = select(d * r.teacher_share - r.shift, total_terms()[0], by_terms);
    return r;
}

// p − t in which the two ones of confident rows cancel first.
fn slope_of(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    let e = teacher_numerator(r, v);
    return ((numerator - e) + (numerator * r.teacher_rest - e * r.rest)) * r.share * r.teacher_share;
}
