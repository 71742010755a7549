// Cross-entropy of given probabilities z, per row:
//
//     loss = −Σ_j B_j·log z_j      ∂loss/∂z_j = −B_j / z_j      B_j = w_j·((1−ε)·t_j/M + ε/C)
//
// with logs clamped at −100 and denominators at 1e-12. There is nothing to normalise: a row's only statistic is its loss.

const GIVEN = true; // the scores are probabilities already

fn gathers_targets() -> bool {
    return true;
}

struct RowState {
    outside: vec4<u32>, // 1 once a probability lay outside [0, 1]
    d: Sum,             // Σ B·(−log z)
    best: vec4<f32>,
    best_at: vec4<u32>,
}

fn row_state_start() -> RowState {
    return RowState(vec4(0u), Sum(vec4(0.0), vec4(0.0)), vec4(-1.0), vec4(0xffffffffu));
}

fn row_state_add(s: RowState, z: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = max_add(s, z, classes);
    r.d = sum_add(s.d, minus_log(z, b));
    return r;
}

// B·(−log z)
fn minus_log(z: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return select(b * min(-log_nonnegative(z), vec4(100.0)), vec4(0.0), b == vec4(0.0));
}

// What is not a probability, and the greatest that is.
fn max_add(s: RowState, z: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = s;
    // As integers, the bits of 0..1 lie in 0..=0x3f800000; only −0 besides them is a probability.
    let bits = bitcast<vec4<u32>>(z);
    let inside = (bits <= vec4(0x3f800000u)) | (bits == vec4(0x80000000u));
    r.outside = select(vec4(1u), s.outside, inside);
    if (ARGMAX) {
        let first = z > s.best;
        r.best = select(s.best, z, first);
        r.best_at = select(s.best_at, classes, first);
    }
    return r;
}

fn numerators_add(s: NumeratorSums, z: vec4<f32>, numerator: vec4<f32>, b: vec4<f32>, row_max: vec4<f32>) -> NumeratorSums {
    var r = s;
    r.d = s.d + minus_log(z, b);
    return r;
}

fn row_state_add_four(s: RowState, z: array<vec4<f32>, 4>, b: array<vec4<f32>, 4>, first: vec4<u32>) -> RowState {
    let r = row_state_add(row_state_add(s, z[0], b[0], vec4(first.x) + IOTA), z[1], b[1], vec4(first.y) + IOTA);
    return row_state_add(row_state_add(r, z[2], b[2], vec4(first.z) + IOTA), z[3], b[3], vec4(first.w) + IOTA);
}

fn row_state_select(no: RowState, yes: RowState, which: vec4<bool>) -> RowState {
    return RowState(
        select(no.outside, yes.outside, which),
        sum_choose(no.d, yes.d, which),
        select(no.best, yes.best, which),
        select(no.best_at, yes.best_at, which),
    );
}

// +∞ if a probability lay outside [0, 1].
fn row_state_max(s: RowState) -> vec4<f32> {
    return select(vec4(0.0), infinity(), s.outside == vec4(1u));
}

fn row_state_rebased(s: RowState, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    return rebased(row_max, vec4(0.0), vec4(0.0), sum_total(s.d), row_max);
}

fn rebased(own: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    return array<vec4<f32>, 4>(vec4(0.0), vec4(0.0), vec4(0.0), d);
}

struct FinishedRow {
    lse: vec4<f32>,
    loss: vec4<f32>,
    scale: vec4<f32>,
    poison: vec4<f32>,
}

fn row_finish(row_max: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, count: vec4<f32>) -> FinishedRow {
    let outside = is_positive_infinity(row_max);
    // Targets that are not finite make all of the row NaN.
    let meaningless = vec4(!SPARSE && !COUNTED) & (is_nan(d) | is_infinity(d));
    return FinishedRow(
        vec4(0.0),
        select(d, nan(), outside | meaningless),
        select(select(vec4(1.0), nan(), meaningless), vec4(0.0), outside),
        select(vec4(0.0), nan(), outside),
    );
}

fn weighted_gap(b: vec4<f32>, gap: vec4<f32>, u: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn transform(x: vec4<f32>) -> vec4<f32> {
    return x;
}

// Nothing is normalised: no numerator is needed.
fn numerator(z: vec4<f32>, row_max: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn gradient_of_numerator(r: FinishedRow, z: vec4<f32>, numerator: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return gradient(r, z, b);
}

fn false_gradient(r: FinishedRow, z: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn false_gradient_of_numerator(r: FinishedRow, z: vec4<f32>, numerator: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn gradient(r: FinishedRow, z: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return select((-b * r.scale) / max(z, vec4(1e-12)), 0.0 * r.scale, b == vec4(0.0));
}

// The row, once it is known what arrives at its loss.
fn row_arriving(row: FinishedRow, scalar_upstream: vec4<f32>) -> FinishedRow {
    var r = row;
    r.scale = scalar_upstream;
    return r;
}
