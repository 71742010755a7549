// The softmax family, per row:
//
//     loss = A·lse − Σ_j B_j·u_j + z·lse²      ∂loss/∂u_j = (A + 2z·lse)·p_j − B_j
//     B_j = w_j·((1−ε)·t_j/M + ε/C)            A = Σ_j B_j
//
// A row's statistics are its greatest score `max` and `rest = Σ exp(u_j − max)` over all classes but one that attains
// it, so that log Σ = log1p(rest) and 1 − p_top = rest / (1 + rest) keep their digits in confident rows. Everything is
// held four wide: four classes of one row, merged by the row traversal, or four rows, which the column traversal keeps apart.

const GIVEN = false; // the scores are not probabilities yet

override TRANSFORMED: bool = false; // logit_scale ≠ 1
override CAPPED: bool = false;    // softcap
override Z_LOSS: bool = false;
override FOCAL: bool = false;

// A scale without a cap is applied to differences alone: scores of 1e4 that lie close together would lose their
// distance to the rounding of scaled scores.
fn scales_late() -> bool {
    return TRANSFORMED && !CAPPED;
}

// u = T(x), but for a late scale. Infinities stay what they are, so that a mask remains a mask.
fn transform(x: vec4<f32>) -> vec4<f32> {
    if (!CAPPED) {
        return x;
    }
    var u = x;
    if (TRANSFORMED) {
        u *= params.logit_scale;
    }
    u = params.softcap * tanh_exact(u / params.softcap);
    return select(u, x, is_infinity(x));
}

// A value or difference of what transform() gives, as one of u.
fn scaled(u: vec4<f32>) -> vec4<f32> {
    if (scales_late()) {
        return params.logit_scale * u;
    }
    return u;
}

// T'(x)
fn transform_slope(x: vec4<f32>) -> vec4<f32> {
    var slope = vec4(1.0);
    if (TRANSFORMED) {
        slope *= params.logit_scale;
    }
    if (CAPPED) {
        var y = x;
        if (TRANSFORMED) {
            y *= params.logit_scale;
        }
        slope *= sech_squared(y / params.softcap);
    }
    return slope;
}

// Whether Σ B_j and Σ B_j·(max − u_j) are gathered class by class: not where the true classes can be listed, unless four
// rows stay resident at once.
fn gathers_targets() -> bool {
    return !SPARSE || SMOOTHED || GATHERS;
}

struct RowState {
    max: vec4<f32>,       // the greatest u so far
    rest: Sum,            // Σ exp(u − max) without one element that attains it; −1 before the first element
    suspect: vec4<u32>,   // the greatest bits of |x|, to find NaN
    a: Sum,               // Σ B
    d: Sum,               // Σ B·(max − u)
    best: vec4<f32>,      // the greatest x, and where it was first met
    best_at: vec4<u32>,
}

fn row_state_start() -> RowState {
    let lowest = vec4(-3.4028234e38);
    let zero = Sum(vec4(0.0), vec4(0.0));
    return RowState(lowest, Sum(vec4(-1.0), vec4(0.0)), vec4(0u), zero, zero, lowest, vec4(0xffffffffu));
}

// B times how far u lies below max, of which `half` is half of what transform() gives: the whole may be more than f32
// holds. B = 0 makes a mask count for nothing.
fn weighted_gap(b: vec4<f32>, half: vec4<f32>, u: vec4<f32>) -> vec4<f32> {
    let masked = select(2.0 * (scaled(b) * half), infinity(), is_negative_infinity(u));
    return select(masked, vec4(0.0), b == vec4(0.0));
}

fn row_state_add(s: RowState, x: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = s;
    let u = transform(x);
    let above = u > s.max;
    let gap = abs(u - s.max);
    let e = exp_nonpositive(-scaled(gap));
    r.max = select(s.max, u, above);
    r.rest = rest_below(s.rest, e, above);
    r.rest = sum_add(r.rest, select(e, vec4(0.0), above));
    r.suspect = max(s.suspect, bitcast<vec4<u32>>(x) << vec4(1u));
    if (gathers_targets()) {
        let half = abs(0.5 * u - 0.5 * s.max);
        r.a = sum_add(s.a, b);
        r.d = sum_add(s.d, select(weighted_gap(b, half, u), weighted_gap(s.a.high, half, s.max), above));
    }
    if (ARGMAX) {
        r = row_state_see(r, x, classes);
    }
    return r;
}

// Four vectors at once, of which the first classes are given: by themselves, where the lesser of two is never at the max,
// then to the rest. As many exponentials as vectors, but few choices between two ways.
fn row_state_add_four(s: RowState, x: array<vec4<f32>, 4>, b: array<vec4<f32>, 4>, first: vec4<u32>) -> RowState {
    var r = s;
    let u = array<vec4<f32>, 4>(transform(x[0]), transform(x[1]), transform(x[2]), transform(x[3]));
    let max1 = max(u[0], u[1]);
    let max2 = max(max1, u[2]);
    let own = max(max2, u[3]);
    let above = own > s.max;
    let gap = abs(own - s.max);
    let e = exp_nonpositive(-scaled(gap));
    r.max = select(s.max, own, above);
    r.rest = rest_below(s.rest, e, above);
    r.rest = sum_add(
        r.rest,
        select(e, vec4(0.0), above)
            + (exp_nonpositive(scaled(min(u[0], u[1]) - r.max))
            + (exp_nonpositive(scaled(min(max1, u[2]) - r.max)) + exp_nonpositive(scaled(min(max2, u[3]) - r.max)))),
    );
    if (gathers_targets()) {
        let step = select(vec4(0.0), weighted_gap(s.a.high, 0.5 * own - 0.5 * s.max, s.max), above);
        let half = 0.5 * r.max;
        let x_and_y = weighted_gap(b[0], half - 0.5 * u[0], u[0]) + weighted_gap(b[1], half - 0.5 * u[1], u[1]);
        let z_and_w = weighted_gap(b[2], half - 0.5 * u[2], u[2]) + weighted_gap(b[3], half - 0.5 * u[3], u[3]);
        r.a = sum_add(s.a, (b[0] + b[1]) + (b[2] + b[3]));
        r.d = sum_add(s.d, step + (x_and_y + z_and_w));
    }
    r = stats_look(r, x[0], vec4(first.x) + IOTA);
    r = stats_look(r, x[1], vec4(first.y) + IOTA);
    r = stats_look(r, x[2], vec4(first.z) + IOTA);
    return stats_look(r, x[3], vec4(first.w) + IOTA);
}

// The rest below a new max that lies `e` = exp(−gap) above.
fn rest_below(rest: Sum, e: vec4<f32>, above: vec4<bool>) -> Sum {
    return sum_choose(rest, Sum((rest.high + 1.0) * e, rest.low * e), above);
}

// What is looked for in a vector besides its sums.
fn stats_look(s: RowState, x: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = s;
    r.suspect = max(s.suspect, bitcast<vec4<u32>>(x) << vec4(1u));
    if (ARGMAX) {
        r = row_state_see(r, x, classes);
    }
    return r;
}

// Keeps the greatest score, and where it was first met.
fn row_state_see(s: RowState, x: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = s;
    let first = (x > s.best) | ((s.best_at == vec4(0xffffffffu)) & !is_negative_infinity(x));
    r.best = select(s.best, x, first);
    r.best_at = select(s.best_at, classes, first);
    return r;
}

// Of resident rows, first the max of all is found,
fn max_add(s: RowState, x: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = s;
    r.max = max(s.max, transform(x));
    r.suspect = max(s.suspect, bitcast<vec4<u32>>(x) << vec4(1u));
    if (ARGMAX) {
        r = row_state_see(r, x, classes);
    }
    return r;
}

// and then what sums come to.
fn numerators_add(s: NumeratorSums, x: vec4<f32>, numerator: vec4<f32>, b: vec4<f32>, row_max: vec4<f32>) -> NumeratorSums {
    var r = s;
    r.rest = s.rest + min(s.greatest, numerator);
    r.greatest = max(s.greatest, numerator);
    if (gathers_targets()) {
        let u = transform(x);
        r.a = s.a + b;
        r.d = s.d + weighted_gap(b, 0.5 * row_max - 0.5 * u, u);
    }
    return r;
}

fn row_state_select(no: RowState, yes: RowState, which: vec4<bool>) -> RowState {
    return RowState(
        select(no.max, yes.max, which),
        sum_choose(no.rest, yes.rest, which),
        select(no.suspect, yes.suspect, which),
        sum_choose(no.a, yes.a, which),
        sum_choose(no.d, yes.d, which),
        select(no.best, yes.best, which),
        select(no.best_at, yes.best_at, which),
    );
}

// The greatest score, +∞ if the scores hold a NaN.
fn row_state_max(s: RowState) -> vec4<f32> {
    return select(s.max, infinity(), s.suspect > vec4(0xff000000u));
}

// What a split adds to its row's sums, once the row's `max` is known: (rest but for the −1, splits at the max, a, d).
fn row_state_rebased(s: RowState, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    return rebased(s.max, sum_total(s.rest), sum_total(s.a), sum_total(s.d), row_max);
}

fn rebased(own: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    let gap = scaled(row_max - own);
    let at_max = own == row_max;
    let numerator = select((rest + 1.0) * exp_nonpositive(-gap), rest, at_max);
    let below = d + weighted_gap(a, 0.5 * row_max - 0.5 * own, row_max);
    return array<vec4<f32>, 4>(numerator, select(vec4(0.0), vec4(1.0), at_max), a, below);
}

// What a finished row is: its statistics, its loss, and what each element's gradient needs.
struct FinishedRow {
    max: vec4<f32>,
    rest: vec4<f32>,
    lse: vec4<f32>,
    loss: vec4<f32>,
    p_factor: vec4<f32>,  // A, or the focal factor times it
    z_factor: vec4<f32>,  // 2z, and with the scale 2z·lse: apart, for added to A its digits would be lost where p_j and
                          // B_j cancel
    b_factor: vec4<f32>,  // what B_j is multiplied by: 1, or the focal factor
    scale: vec4<f32>,     // 1 / (1 + rest); the traversal multiplies it by what the loss counts for
    poison: vec4<f32>,    // 0, or NaN
}

fn row_finish(row_max: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, count: vec4<f32>) -> FinishedRow {
    var r: FinishedRow;
    let log_sum = log1p_nonnegative(rest);
    let inverse = 1.0 / (1.0 + rest);
    r.max = row_max;
    r.rest = rest;
    r.lse = scaled(row_max) + log_sum;
    r.loss = d + a * log_sum;
    r.p_factor = a;
    r.z_factor = vec4(0.0);
    r.b_factor = vec4(1.0);
    r.scale = inverse;
    if (Z_LOSS) {
        let z = select(vec4(params.z_loss), vec4(0.0), count == vec4(0.0));
        r.loss += z * r.lse * r.lse;
        r.z_factor = 2.0 * z;
    }
    if (FOCAL) {
        // a = w_y, d = w_y·(max − u_y)
        let gap = select(d / a, vec4(0.0), a == vec4(0.0));
        let nll = gap + log_sum;
        let e = exp_nonpositive(-gap);
        let p = e * inverse;
        let q = select(rest + (1.0 - e), rest, gap == vec4(0.0)) * inverse; // 1 − p_y
        let focus = power(q, params.gamma);
        // γ·q^(γ−1)·p·log p, where −log p / q → 1 as q → 0
        let ratio = select(nll / q, vec4(1.0), q == vec4(0.0));
        let factor = focus * (1.0 + select(params.gamma * p * ratio, vec4(0.0), p == vec4(0.0)));
        r.loss = a * select(focus * nll, vec4(0.0), focus == vec4(0.0));
        r.p_factor = a * factor;
        r.b_factor = factor;
    }
    let empty = rest < vec4(-0.5);
    // Targets that are not finite make all of the row NaN.
    let poisoned = is_positive_infinity(row_max) | empty | is_nan(a) | is_infinity(a);
    r.poison = select(vec4(0.0), nan(), poisoned);
    r.loss = select(r.loss, nan(), poisoned);
    r.lse = select(r.lse, nan(), poisoned);
    return r;
}

// q^γ for q in [0, 1], γ ≥ 0; 0^0 = 1.
fn power(q: vec4<f32>, gamma: f32) -> vec4<f32> {
    if (gamma == 0.0) {
        return vec4(1.0);
    }
    if (gamma == 1.0) {
        return q;
    }
    if (gamma == 2.0) {
        return q * q;
    }
    return select(exp_nonpositive(min(gamma * log_nonnegative(q), vec4(0.0))), vec4(0.0), q == vec4(0.0));
}

// The row, once it is known what arrives at its loss. Scales below 1 are taken apart into a power of two, which goes into
// the factors and loses no digit, and the rest: weights near f32's largest overflow on the way to a gradient that does not.
fn row_arriving(row: FinishedRow, scalar_upstream: vec4<f32>) -> FinishedRow {
    var r = row;
    let bits = bitcast<vec4<u32>>(scalar_upstream);
    let apart = ((bits & vec4(0x7fffffffu)) < vec4(0x3f800000u)) & ((bits & vec4(0x7fffffffu)) >= vec4(0x00800000u));
    let power = select(vec4(1.0), bitcast<vec4<f32>>(bits & vec4(0x7f800000u)), apart);
    r.scale = select(scalar_upstream, bitcast<vec4<f32>>((bits & vec4(0x807fffffu)) | vec4(0x3f800000u)), apart);
    r.p_factor *= power;
    r.b_factor *= power;
    if (Z_LOSS) {
        // The factors of the greatest and the least size first: only what is out of range in the end is so on the way.
        let x = r.z_factor;
        let y = abs(r.lse);
        let z = abs(scalar_upstream);
        let most = max(max(x, y), z);
        let least = min(min(x, y), z);
        let middle = max(min(x, y), min(max(x, y), z));
        r.z_factor = ((most * least) * middle) * (sign(r.lse) * sign(scalar_upstream));
    }
    return r;
}

// 2z·lse·p_j, scaled; where p_j = 0, nothing.
fn z_gradient(r: FinishedRow, numerator: vec4<f32>) -> vec4<f32> {
    return select(r.z_factor * numerator, vec4(0.0), numerator == vec4(0.0));
}

// exp(u − max): what the gradient's p_j is made of.
fn numerator(x: vec4<f32>, row_max: vec4<f32>) -> vec4<f32> {
    return exp_nonpositive(scaled(transform(x) - row_max));
}

fn gradient(r: FinishedRow, x: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return gradient_of_numerator(r, x, numerator(x, r.max), b);
}

fn gradient_of_numerator(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    let weight = b * r.b_factor;
    var g = (r.p_factor * numerator - weight) - weight * r.rest;
    g *= r.scale;
    if (Z_LOSS) {
        g += z_gradient(r, numerator);
    }
    if (TRANSFORMED || CAPPED) {
        g *= transform_slope(x);
    }
    return g + r.poison;
}

// The same where B = 0.
fn false_gradient(r: FinishedRow, x: vec4<f32>) -> vec4<f32> {
    return false_gradient_of_numerator(r, x, numerator(x, r.max));
}

fn false_gradient_of_numerator(r: FinishedRow, x: vec4<f32>, numerator: vec4<f32>) -> vec4<f32> {
    var g = (r.p_factor * r.scale) * numerator;
    if (Z_LOSS) {
        g += z_gradient(r, numerator);
    }
    if (TRANSFORMED || CAPPED) {
        g *= transform_slope(x);
    }
    return g + r.poison;
}
