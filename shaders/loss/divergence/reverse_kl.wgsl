// KL(p‖t) = Σ p·log(p/t), gradient p·(log(p/t) − KL)/τ.

const MIXES = false;
const BY_TEACHER = false; // p weighs

fn wants_terms(r: FinishedRow) -> vec4<bool> {
    return cancels(r, teacher.d * r.share + r.shift);
}

// The second sum has what log(p/t) was rounded by, which the gradient is to lose again.
fn row_terms(x: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 2> {
    let t = teacher_numerator(known, v) * known.teacher_share;
    let p = student_numerator(x, known.max) * known.share;
    let ratio = log_ratio(known, x, v);
    return array<vec4<f32>, 2>(kl_term(p, t, -ratio), select(p * ratio, vec4(0.0), p == vec4(0.0)));
}

fn with_divergence(row: FinishedRow, d: vec4<f32>) -> FinishedRow {
    var r = row;
    let total = total_terms();
    let difference = d * r.share + r.shift;
    r.loss = select(difference, total[0], by_terms);
    r.centre = select(difference, total[1], by_terms);
    return r;
}

fn slope_of(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    let slope = numerator * r.share * (log_ratio(r, x, v) - r.centre);
    return select(slope, vec4(0.0), numerator == vec4(0.0));
}
