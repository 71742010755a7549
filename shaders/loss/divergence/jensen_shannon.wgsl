// With m = λ·t + (1−λ)·p: λ·KL(t‖m) + (1−λ)·KL(p‖m), gradient (1−λ)·p·(log(p/m) − Σ p·log(p/m))/τ. m is known once both
// softmaxes are: a pass of its own sums over it.

const MIXES = true;
const BY_TEACHER = true; // no mask makes it endless

fn wants_terms(r: FinishedRow) -> vec4<bool> {
    return vec4(true);
}

// exp(x) − 1
fn expm1(x: vec4<f32>) -> vec4<f32> {
    let series = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.008333334 + x * (0.0013888889
        + x * 0.0001984127))))));
    return select(exp_nonpositive(x) - 1.0, series, abs(x) < vec4(0.4));
}

// log(p/m) where p/t = exp(ratio), and log(t/m) with the sides and λ exchanged.
fn log_of_mixture(share: f32, ratio: vec4<f32>) -> vec4<f32> {
    return -log1p_nonnegative(share * expm1(clamp(-ratio, vec4(-87.0), vec4(87.0))));
}

// t·log(t/m) and p·log(p/m)
fn row_terms(x: vec4<f32>, v: vec4<f32>) -> array<vec4<f32>, 2> {
    let t = teacher_numerator(known, v) * known.teacher_share;
    let p = student_numerator(x, known.max) * known.share;
    let ratio = log_ratio(known, x, v);
    return array<vec4<f32>, 2>(
        select(t * log_of_mixture(params.student_share, -ratio), vec4(0.0), t == vec4(0.0)),
        select(p * log_of_mixture(params.teacher_share, ratio), vec4(0.0), p == vec4(0.0)),
    );
}

fn with_divergence(row: FinishedRow, d: vec4<f32>) -> FinishedRow {
    var r = row;
    let total = total_terms();
    r.centre = total[1];
    r.loss = params.teacher_share * total[0] + params.student_share * total[1];
    return r;
}

fn slope_of(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    let log_p = log_of_mixture(params.teacher_share, log_ratio(r, x, v));
    let slope = params.student_share * (numerator * r.share) * (log_p - r.centre);
    return select(slope, vec4(0.0), numerator == vec4(0.0));
}
