// Cross-entropy of given probabilities z, per row:
//
//     loss = −Σ_j B_j·log z_j      ∂loss/∂z_j = −B_j / z_j      B_j = w_j·((1−ε)·t_j/M + ε/C)
//
// with logs clamped at −100 and denominators at 1e-12. There is nothing to normalise: a row's only statistic is its loss.

const GIVEN = true; // the scores are probabilities already

// 1 once a score was no probability.
struct Greatest {
    outside: vec4<u32>,
}

fn greatest_start() -> Greatest {
    return Greatest(vec4(0u));
}

fn greatest_add(s: Greatest, z: vec4<f32>, classes: vec4<u32>) -> Greatest {
    // As integers, the bits of 0..1 lie in 0..=0x3f800000; only −0 besides them is a probability.
    let bits = bitcast<vec4<u32>>(z);
    let inside = (bits <= vec4(0x3f800000u)) | (bits == vec4(0x80000000u));
    return Greatest(select(vec4(1u), s.outside, inside));
}

// +∞ if a probability lay outside [0, 1].
fn greatest_of(s: Greatest) -> vec4<f32> {
    return select(vec4(0.0), infinity(), s.outside == vec4(1u));
}

struct RowState {
    greatest: Greatest,
    d: Sum, // Σ B·(−log z)
    best: Best,
}

fn row_state_start() -> RowState {
    return RowState(greatest_start(), sum_of(vec4(0.0)), best_start());
}

fn row_state_add(s: RowState, z: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> RowState {
    return RowState(greatest_add(s.greatest, z, classes), sum_add(s.d, minus_log(z, b)), best_add(s.best, z, classes));
}

// B·(−log z)
fn minus_log(z: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return select(b * min(-log_nonnegative(z), vec4(100.0)), vec4(0.0), b == vec4(0.0));
}

fn row_state_add_four(s: RowState, z: array<vec4<f32>, 4>, b: array<vec4<f32>, 4>, first: vec4<u32>) -> RowState {
    let r = row_state_add(row_state_add(s, z[0], b[0], vec4(first.x) + IOTA), z[1], b[1], vec4(first.y) + IOTA);
    return row_state_add(row_state_add(r, z[2], b[2], vec4(first.z) + IOTA), z[3], b[3], vec4(first.w) + IOTA);
}

fn row_state_select(no: RowState, yes: RowState, which: vec4<bool>) -> RowState {
    return RowState(
        Greatest(select(no.greatest.outside, yes.greatest.outside, which)),
        sum_choose(no.d, yes.d, which),
        best_select(no.best, yes.best, which),
    );
}

fn row_state_rebased(s: RowState, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    return rebased(row_max, vec4(0.0), vec4(0.0), sum_total(s.d), row_max);
}

// There is no entropy of what is not normalised, and nothing that goes before a class.
fn row_state_spread(s: RowState, row_max: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn row_state_ahead(s: RowState) -> Ahead {
    return ahead_start();
}

fn rebased(own: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    return array<vec4<f32>, 4>(vec4(0.0), vec4(0.0), vec4(0.0), d);
}

// Nothing is normalised: no numerator is needed.
alias NumeratorSums = bool;

fn numerator(z: vec4<f32>, row_max: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return vec4(0.0);
}

fn numerators_start() -> NumeratorSums {
    return false;
}

fn numerators_add(
    s: NumeratorSums,
    numerator: vec4<f32>,
    z: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> NumeratorSums {
    return s;
}

fn numerators_total(s: NumeratorSums) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

fn numerators_spread(s: NumeratorSums) -> vec4<f32> {
    return vec4(0.0);
}

// Σ B·(−log z) of resident vectors.
struct BSums {
    d: vec4<f32>,
}

fn b_sums_start() -> BSums {
    return BSums(vec4(0.0));
}

fn b_sums_add(
    s: BSums,
    z: vec4<f32>,
    b: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> BSums {
    return BSums(s.d + minus_log(z, b));
}

fn b_sums_total(s: BSums) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), s.d);
}

struct FinishedRow {
    lse: vec4<f32>,
    loss: vec4<f32>,
    scale: vec4<f32>,
    poison: vec4<f32>,
}

fn row_finish(
    row_max: vec4<f32>,
    rest: vec4<f32>,
    a: vec4<f32>,
    d: vec4<f32>,
    spread: vec4<f32>,
    count: vec4<f32>,
) -> FinishedRow {
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

fn logit(x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return x;
}

// The row, once it is known what arrives at its loss.
fn row_arriving(row: FinishedRow, scalar_upstream: vec4<f32>) -> FinishedRow {
    var r = row;
    r.scale = scalar_upstream;
    return r;
}

// A row that means nothing has a scale that makes its gradient what it is to be.
fn gradient_poison(r: FinishedRow) -> vec4<f32> {
    return vec4(0.0);
}

fn gradient(r: FinishedRow, z: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return select((-b * r.scale) / max(z, vec4(1e-12)), 0.0 * r.scale, b == vec4(0.0));
}

fn gradient_of_numerator(
    r: FinishedRow,
    z: vec4<f32>,
    numerator: vec4<f32>,
    b: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    return gradient(r, z, b, classes);
}

fn false_gradient(r: FinishedRow, z: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return vec4(0.0);
}

fn false_gradient_of_numerator(
    r: FinishedRow,
    z: vec4<f32>,
    numerator: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    return vec4(0.0);
}
