// The softmax family, per row:
//
//     loss = A·lse − Σ_j B_j·u_j + z·lse²      ∂loss/∂u_j = (A + 2z·lse)·p_j − B_j
//     B_j = w_j·((1−ε)·t_j/M + ε/C)            A = Σ_j B_j
//
// A row's statistics are its greatest score `max` and `rest = Σ exp(u_j − max)` over all classes but one that attains
// it, so that log Σ = log1p(rest) and 1 − p_top = rest / (1 + rest) keep their digits in confident rows. Everything is
// held four wide: four classes of one row, merged by the row traversal, or four rows, which the column traversal keeps apart.

const GIVEN = false; // the scores are not probabilities yet

// The greatest u so far, and whether some x is NaN.
struct Greatest {
    max: vec4<f32>,
    marks: NanMarks,
}

fn greatest_start() -> Greatest {
    return Greatest(vec4(-3.4028234e38), nan_marks_start());
}

fn greatest_add(s: Greatest, x: vec4<f32>, classes: vec4<u32>) -> Greatest {
    return Greatest(max(s.max, logit(x, classes)), nan_marks_add(s.marks, x));
}

// +∞ if the scores hold a NaN.
fn greatest_of(s: Greatest) -> vec4<f32> {
    return select(s.max, infinity(), holds_nan(s.marks));
}

// What an invocation has seen of a row that takes two passes.
struct RowState {
    greatest: Greatest,
    rest: Sum, // Σ exp(u − max) without one element that attains it; −1 before the first element
    targets: TargetSums,
    best: Best,
    spread: Spread,
    ahead: Ahead,
}

fn row_state_start() -> RowState {
    let sums = target_sums_start();
    return RowState(greatest_start(), sum_of(vec4(-1.0)), sums, best_start(), spread_start(), ahead_start());
}

// B times how far u lies below max, of which `half` is half of what transform() gives: the whole may be more than f32
// holds. B = 0 makes a mask count for nothing.
fn weighted_gap(b: vec4<f32>, half: vec4<f32>, u: vec4<f32>) -> vec4<f32> {
    let whole = select(2.0 * (scaled(b) * half), vec4(0.0), is_faint(b));
    let masked = select(whole, infinity(), is_negative_infinity(u));
    return select(masked, vec4(0.0), b == vec4(0.0));
}

fn row_state_add(s: RowState, x: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> RowState {
    let u = logit(x, classes);
    let old = s.greatest.max;
    let above = u > old;
    let gap = scaled(abs(u - old));
    let e = exp_nonpositive(-gap);
    let marks = nan_marks_add(s.greatest.marks, x);
    return RowState(
        Greatest(select(old, u, above), marks),
        sum_add(rest_below(s.rest, e, above), select(e, vec4(0.0), above)),
        target_sums_add(s.targets, u, b, old, above),
        best_add(s.best, x, classes),
        spread_add(s.spread, s.rest, e, gap, above),
        ahead_add(s.ahead, x, classes, vec4(true)),
    );
}

// Four vectors at once, of which the first classes are given: by themselves, where the lesser of two is never at the max,
// then to the rest. As many exponentials as vectors, but few choices between two ways.
fn row_state_add_four(s: RowState, x: array<vec4<f32>, 4>, b: array<vec4<f32>, 4>, first: vec4<u32>) -> RowState {
    let classes = array<vec4<u32>, 4>(vec4(first.x) + IOTA, vec4(first.y) + IOTA, vec4(first.z) + IOTA, vec4(first.w) + IOTA);
    let u = array<vec4<f32>, 4>(
        logit(x[0], classes[0]),
        logit(x[1], classes[1]),
        logit(x[2], classes[2]),
        logit(x[3], classes[3]),
    );
    let max1 = max(u[0], u[1]);
    let max2 = max(max1, u[2]);
    let own = max(max2, u[3]);
    let old = s.greatest.max;
    let above = own > old;
    let now = select(old, own, above);
    let gap = scaled(abs(own - old));
    let e = exp_nonpositive(-gap);
    let under1 = scaled(min(u[0], u[1]) - now);
    let under2 = scaled(min(max1, u[2]) - now);
    let under3 = scaled(min(max2, u[3]) - now);
    let e1 = exp_nonpositive(under1);
    let e2 = exp_nonpositive(under2);
    let e3 = exp_nonpositive(under3);
    let rest = sum_add(rest_below(s.rest, e, above), select(e, vec4(0.0), above) + (e1 + (e2 + e3)));
    let terms = spread_term(e1, -under1) + (spread_term(e2, -under2) + spread_term(e3, -under3));
    let spread = spread_add_terms(spread_add(s.spread, s.rest, e, gap, above), terms);
    var marks = s.greatest.marks;
    var best = s.best;
    var ahead = s.ahead;
    marks = nan_marks_add(marks, x[0]);
    best = best_add(best, x[0], classes[0]);
    ahead = ahead_add(ahead, x[0], classes[0], vec4(true));
    marks = nan_marks_add(marks, x[1]);
    best = best_add(best, x[1], classes[1]);
    ahead = ahead_add(ahead, x[1], classes[1], vec4(true));
    marks = nan_marks_add(marks, x[2]);
    best = best_add(best, x[2], classes[2]);
    ahead = ahead_add(ahead, x[2], classes[2], vec4(true));
    marks = nan_marks_add(marks, x[3]);
    best = best_add(best, x[3], classes[3]);
    ahead = ahead_add(ahead, x[3], classes[3], vec4(true));
    let targets = target_sums_add_four(s.targets, u, b, old, now);
    return RowState(Greatest(now, marks), rest, targets, best, spread, ahead);
}

// The rest below a new max that lies `e` = exp(−gap) above.
fn rest_below(rest: Sum, e: vec4<f32>, above: vec4<bool>) -> Sum {
    return sum_choose(rest, sum_below(rest, e), above);
}

fn row_state_select(no: RowState, yes: RowState, which: vec4<bool>) -> RowState {
    return RowState(
        Greatest(
            select(no.greatest.max, yes.greatest.max, which),
            nan_marks_select(no.greatest.marks, yes.greatest.marks, which),
        ),
        sum_choose(no.rest, yes.rest, which),
        target_sums_select(no.targets, yes.targets, which),
        best_select(no.best, yes.best, which),
        spread_select(no.spread, yes.spread, which),
        ahead_select(no.ahead, yes.ahead, which),
    );
}

// What an invocation adds to its row's sums, once the row's `max` is known: (rest but for the −1, how many attain the
// max, a, d).
fn row_state_rebased(s: RowState, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    let targets = target_sums_total(s.targets);
    return rebased(s.greatest.max, sum_total(s.rest), targets[0], targets[1], row_max);
}

// Its spread, once the row's `max` is known.
fn row_state_spread(s: RowState, row_max: vec4<f32>) -> vec4<f32> {
    return spread_rebased(spread_total(s.spread), sum_total(s.rest), s.greatest.max, row_max);
}

fn row_state_ahead(s: RowState) -> Ahead {
    return s.ahead;
}

fn rebased(own: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    let gap = scaled(row_max - own);
    let at_max = own == row_max;
    let numerator = select((rest + 1.0) * exp_nonpositive(-gap), rest, at_max);
    let below = d + weighted_gap(a, 0.5 * row_max - 0.5 * own, row_max);
    return array<vec4<f32>, 4>(numerator, select(vec4(0.0), vec4(1.0), at_max), a, below);
}

// exp(u − max): what the gradient's p_j is made of.
fn numerator(x: vec4<f32>, row_max: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return exp_nonpositive(scaled(logit(x, classes) - row_max));
}

// What the numerators of resident vectors come to.
struct NumeratorSums {
    rest: vec4<f32>,     // Σ exp(u − max) but for the greatest
    greatest: vec4<f32>,
    spread: ResidentSpread,
}

fn numerators_start() -> NumeratorSums {
    return NumeratorSums(vec4(0.0), vec4(0.0), resident_spread_start());
}

fn numerators_add(
    s: NumeratorSums,
    numerator: vec4<f32>,
    x: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> NumeratorSums {
    return NumeratorSums(
        s.rest + min(s.greatest, numerator),
        max(s.greatest, numerator),
        resident_spread_add(s.spread, numerator, x, row_max, classes),
    );
}

// (rest, 1 where the max is among them)
fn numerators_total(s: NumeratorSums) -> array<vec4<f32>, 2> {
    let at_max = s.greatest == vec4(1.0);
    let rest = s.rest + select(s.greatest, vec4(0.0), at_max);
    return array<vec4<f32>, 2>(rest, select(vec4(0.0), vec4(1.0), at_max));
}

fn numerators_spread(s: NumeratorSums) -> vec4<f32> {
    return resident_spread_total(s.spread);
}

// What a finished row is: its statistics, its loss, and what each element's gradient needs.
struct FinishedRow {
    max: vec4<f32>,
    rest: vec4<f32>,
    lse: vec4<f32>,
    loss: vec4<f32>,
    p_factor: vec4<f32>,  // A, or the loss's own factor times it
    z_factor: vec4<f32>,  // 2z, and with the scale 2z·lse: apart, for added to A its digits would be lost where p_j and
                          // B_j cancel
    b_factor: vec4<f32>,  // what B_j is multiplied by: 1, or the loss's own factor
    scale: vec4<f32>,     // 1 / (1 + rest); the traversal multiplies it by what the loss counts for
    poison: vec4<f32>,    // 0, or NaN
    entropy: vec4<f32>,
    mean_gap: vec4<f32>,  // Σ p_j·(max − u_j)
    entropy_factor: vec4<f32>, // what arrives at −H: β, and with the scale all that p_j·(mean_gap − gap_j) is multiplied by
}

fn row_finish(
    row_max: vec4<f32>,
    rest: vec4<f32>,
    a: vec4<f32>,
    d: vec4<f32>,
    spread: vec4<f32>,
    count: vec4<f32>,
) -> FinishedRow {
    var r: FinishedRow;
    let log_sum = log1p_nonnegative(rest);
    r.max = row_max;
    r.rest = rest;
    r.lse = scaled(row_max) + log_sum;
    r.scale = 1.0 / (1.0 + rest);
    r = with_loss(with_spread(r, spread, log_sum), a, d, log_sum, count);
    let empty = rest < vec4(-0.5);
    // Targets that are not finite make all of the row NaN.
    let poisoned = is_positive_infinity(row_max) | empty | is_nan(a) | is_infinity(a);
    r.poison = select(vec4(0.0), nan(), poisoned);
    r.loss = select(r.loss, nan(), poisoned);
    r.lse = select(r.lse, nan(), poisoned);
    return r;
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
    return z_arriving(r, scalar_upstream);
}

// NaN where all of a row's gradient is.
fn gradient_poison(r: FinishedRow) -> vec4<f32> {
    return r.poison;
}

fn gradient(r: FinishedRow, x: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return gradient_of_numerator(r, x, numerator(x, r.max, classes), b, classes);
}

fn gradient_of_numerator(
    r: FinishedRow,
    x: vec4<f32>,
    numerator: vec4<f32>,
    b: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    let weight = b * r.b_factor;
    let g = ((r.p_factor * numerator - weight) - weight * r.rest) * r.scale;
    let more = plus_entropy_gradient(plus_z_gradient(g, r, numerator), r, x, numerator, classes);
    return through_logit(more, x, classes);
}

// The same where B = 0.
fn false_gradient(r: FinishedRow, x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return false_gradient_of_numerator(r, x, numerator(x, r.max, classes), classes);
}

fn false_gradient_of_numerator(
    r: FinishedRow,
    x: vec4<f32>,
    numerator: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    let g = (r.p_factor * r.scale) * numerator;
    let more = plus_entropy_gradient(plus_z_gradient(g, r, numerator), r, x, numerator, classes);
    return through_logit(more, x, classes);
}
