// Distillation, per row: a divergence between p = softmax(x/τ) and t = softmax(v/τ), v the teacher's scores. What the walks
// take for the weight of a class is v.
//
// Either side has the statistics of a softmax, its greatest score `max` and `rest = Σ exp((v − max)/τ)` over all classes but
// one that attains it. With a = (v − max_v)/τ and b = (x − max_x)/τ,
//
//     log(p/t) = (b − a) + log(1 + rest_v) − log(1 + rest_x)
//
// so that a KL divergence takes one more sum, `Σ exp(a)·(a − b)` or `Σ exp(b)·(b − a)`, which moves with both maxima. Close
// to the teacher that cancels: there, as for a mixture, terms are summed that are never negative, once both sides are known.

const GIVEN = false;

struct Greatest {
    max: vec4<f32>,
    suspect: vec4<u32>, // the greatest bits of |x|, which tell NaN
}

fn greatest_start() -> Greatest {
    return Greatest(vec4(-3.4028234e38), vec4(0u));
}

fn greatest_add(s: Greatest, x: vec4<f32>, classes: vec4<u32>) -> Greatest {
    return Greatest(max(s.max, x), max(s.suspect, bitcast<vec4<u32>>(x) << vec4(1u)));
}

// +∞ if the scores hold a NaN.
fn greatest_of(s: Greatest) -> vec4<f32> {
    return select(s.max, infinity(), s.suspect > vec4(0xff000000u));
}

fn greatest_select(no: Greatest, yes: Greatest, which: vec4<bool>) -> Greatest {
    return Greatest(select(no.max, yes.max, which), select(no.suspect, yes.suspect, which));
}

// (a − b)/τ, by halves: the whole difference may be more than f32 holds before τ divides it. 2/τ is one number, as
// compilers take a 2 of its own into the sum; and max() keeps them from taking 0.5·(a − b).
fn gap(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return params.twice_inverse_temperature * (0.5 * a - max(0.5 * b, vec4(-3.4028234e38)));
}

// (x − max_x)/τ − (v − max_v)/τ. min() changes nothing, but keeps compilers from taking x − v together, which may overflow.
fn gap_of_sides(x: vec4<f32>, x_max: vec4<f32>, v: vec4<f32>, v_max: vec4<f32>) -> vec4<f32> {
    return min(gap(x, x_max), vec4(0.0)) - min(gap(v, v_max), vec4(0.0));
}

// One side's softmax, as far as it was seen.
struct Side {
    greatest: Greatest,
    rest: Sum, // −1 before the first element
}

fn side_start() -> Side {
    return Side(greatest_start(), sum_of(vec4(-1.0)));
}

fn side_select(no: Side, yes: Side, which: vec4<bool>) -> Side {
    return Side(greatest_select(no.greatest, yes.greatest, which), sum_choose(no.rest, yes.rest, which));
}

// A side with one vector more.
struct Step {
    side: Side,
    numerator: vec4<f32>, // exp of the vector's scores below the max
    shrink: vec4<f32>,    // what sums over earlier elements are multiplied by,
    rise: vec4<f32>,      // and how far the max rose
}

fn side_add(s: Side, x: vec4<f32>) -> Step {
    let old = s.greatest.max;
    let above = x > old;
    let rise = gap(x, old);
    let e = exp_nonpositive(-abs(rise));
    let rest = sum_choose(s.rest, sum_below(s.rest, e), above);
    let side = Side(
        Greatest(select(old, x, above), max(s.greatest.suspect, bitcast<vec4<u32>>(x) << vec4(1u))),
        sum_add(rest, select(e, vec4(0.0), above)),
    );
    return Step(
        side,
        select(e, vec4(1.0), above),
        select(vec4(1.0), e, above),
        select(vec4(0.0), rise, above),
    );
}

// A sum Σ w·gap that moves with the maxima, and what its additions rounded away.
struct Gaps {
    high: vec4<f32>,
    low: vec4<f32>,
}

fn gaps_add(s: Gaps, term: vec4<f32>) -> Gaps {
    let high = s.high + term;
    // max() keeps compilers from taking (a + b) − a for b.
    return Gaps(high, s.low + (term - (max(high, vec4(-3.4028234e38)) - s.high)));
}

// The sum over earlier elements, whose weights add up to `weight`, once the side that weighs and the other have moved.
fn moved(d: Gaps, weight: vec4<f32>, shrink: vec4<f32>, rise: vec4<f32>) -> Gaps {
    let shift = select(weight * rise, vec4(0.0), (weight == vec4(0.0)) | (rise == vec4(0.0)));
    let here = gaps_add(d, -shift);
    // What shrinks to nothing may have been endless.
    let gone = shrink == vec4(0.0);
    return Gaps(select(here.high * shrink, vec4(0.0), gone), select(here.low * shrink, vec4(0.0), gone));
}

// Both sides, as far as an invocation has seen them.
struct Pair {
    student: Side,
    teacher: Side,
    d: Gaps,              // of a KL divergence
    endless: vec4<f32>,   // not 0 once a weight met a mask on the other side
}

fn pair_start() -> Pair {
    return Pair(side_start(), side_start(), Gaps(vec4(0.0), vec4(0.0)), vec4(0.0));
}

fn pair_add(s: Pair, x: vec4<f32>, v: vec4<f32>) -> Pair {
    return paired(s, weight_seen(s), side_add(s.student, x), side_add(s.teacher, v), x, v);
}

// What the weights of the earlier elements add up to.
fn weight_seen(s: Pair) -> vec4<f32> {
    if (BY_TEACHER) {
        return sum_total(s.teacher.rest) + 1.0;
    }
    return sum_total(s.student.rest) + 1.0;
}

fn paired(s: Pair, weight: vec4<f32>, x_step: Step, v_step: Step, x: vec4<f32>, v: vec4<f32>) -> Pair {
    if (MIXES) {
        return Pair(x_step.side, v_step.side, s.d, s.endless);
    }
    let difference = gap_of_sides(x, x_step.side.greatest.max, v, v_step.side.greatest.max);
    let no_x = is_negative_infinity(x);
    let no_v = is_negative_infinity(v);
    if (BY_TEACHER) {
        let d = moved(s.d, weight, v_step.shrink, v_step.rise - x_step.rise);
        let without = no_x | no_v | (v_step.numerator == vec4(0.0));
        let term = select(v_step.numerator * -difference, vec4(0.0), without);
        return Pair(x_step.side, v_step.side, gaps_add(d, term), max(s.endless, select(vec4(0.0), vec4(1.0), no_x & !no_v)));
    }
    let d = moved(s.d, weight, x_step.shrink, x_step.rise - v_step.rise);
    let without = no_x | no_v | (x_step.numerator == vec4(0.0));
    let term = select(x_step.numerator * difference, vec4(0.0), without);
    return Pair(x_step.side, v_step.side, gaps_add(d, term), max(s.endless, select(vec4(0.0), vec4(1.0), no_v & !no_x)));
}

// What the team has seen of the teacher's side. The walks know of one side: the other is handed on here.
struct Teacher {
    max: vec4<f32>, // +∞ poisons the row
    rest: vec4<f32>,
    d: vec4<f32>,
    endless: vec4<f32>,
}

var<private> teacher: Teacher;

// (rest but for the −1, 1 where this is the max) of a side's part, at the whole side's max.
fn side_rebased(s: Side, side_max: vec4<f32>) -> array<vec4<f32>, 2> {
    let own = s.greatest.max;
    let rest = sum_total(s.rest);
    let at_max = own == side_max;
    let numerator = select((rest + 1.0) * exp_nonpositive(-gap(side_max, own)), rest, at_max);
    return array<vec4<f32>, 2>(numerator, select(vec4(0.0), vec4(1.0), at_max));
}

// Merges the teacher's side over the team.
fn merge_teacher(s: Pair, weight: vec4<f32>, student_max: vec4<f32>) {
    teacher.max = tile_max(greatest_of(s.teacher.greatest));
    let side = side_rebased(s.teacher, teacher.max);
    let v_rise = gap(teacher.max, s.teacher.greatest.max);
    let x_rise = gap(student_max, s.student.greatest.max);
    var d = s.d;
    if (BY_TEACHER) {
        d = moved(d, weight, exp_nonpositive(-v_rise), v_rise - x_rise);
    } else {
        d = moved(d, weight, exp_nonpositive(-x_rise), x_rise - v_rise);
    }
    let total = tile_sums(side[0], side[1], select(d.high + d.low, d.high, is_infinity(d.high)), s.endless);
    teacher.rest = total[0] + (total[1] - 1.0);
    teacher.d = total[2];
    teacher.endless = total[3];
}

// What an invocation has seen of a row that takes several passes.
struct RowState {
    greatest: Greatest, // the student's
    pair: Pair,
    terms: Sum,         // of a second pass
    other_terms: Sum,
    best: Best,
}

// Whether a pass sums over terms of both sides, which are known by then.
var<private> summing: bool;
// The row of which it does, and for which of the lanes it counts.
var<private> known: FinishedRow;
var<private> by_terms: vec4<bool>;
// What this invocation has seen of these terms.
var<private> term_sums: array<vec4<f32>, 2>;

// Whether any lane's loss is the sum of its terms.
fn know_row(sum: RowTotals) -> bool {
    known = both_sides(sum.max, sum.rest);
    by_terms = wants_terms(known);
    return any(by_terms);
}

// One resident vector more.
fn terms_add(sum: RowTotals, x: vec4<f32>, v: vec4<f32>) {
    if (know_row(sum)) {
        let terms = row_terms(x, v);
        term_sums[0] += terms[0];
        term_sums[1] += terms[1];
    }
}

fn total_terms() -> array<vec4<f32>, 4> {
    let total = tile_sums(term_sums[0], term_sums[1], vec4(0.0), vec4(0.0));
    term_sums = array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
    return total;
}

// Whether so small a KL divergence may lack digits as the difference of a mean gap and the log-sums.
fn cancels(r: FinishedRow, kl: vec4<f32>) -> vec4<bool> {
    return kl < 0.1 + 0.1 * (log1p_nonnegative(r.rest) + log1p_nonnegative(r.teacher_rest));
}

// w·log(w/o) + o − w, of which the last two come to 0 over a row: w·(exp(δ) − 1 − δ) with δ = log(o/w), at least 0.
fn kl_term(w: vec4<f32>, o: vec4<f32>, delta: vec4<f32>) -> vec4<f32> {
    let series = w * delta * delta * (0.5 + delta * (0.16666667 + delta * (0.041666668 + delta * (0.008333334
        + delta * (0.0013888889 + delta * (0.0001984127 + delta * (0.000024801588 + delta * 0.0000027557319)))))));
    let term = select(o - w * (1.0 + delta), series, abs(delta) < vec4(1.0));
    return select(term, o, w == vec4(0.0));
}

fn row_state_start() -> RowState {
    let zero = sum_of(vec4(0.0));
    return RowState(greatest_start(), pair_start(), zero, zero, best_start());
}

fn row_state_add(s: RowState, x: vec4<f32>, v: vec4<f32>, classes: vec4<u32>) -> RowState {
    var r = s;
    if (summing) {
        let terms = row_terms(x, v);
        r.terms = sum_add(s.terms, terms[0]);
        r.other_terms = sum_add(s.other_terms, terms[1]);
        return r;
    }
    r.pair = pair_add(s.pair, x, v);
    r.greatest = r.pair.student.greatest;
    r.best = best_add(s.best, x, classes);
    return r;
}

fn row_state_add_four(s: RowState, x: array<vec4<f32>, 4>, v: array<vec4<f32>, 4>, first: vec4<u32>) -> RowState {
    let r = row_state_add(row_state_add(s, x[0], v[0], vec4(first.x) + IOTA), x[1], v[1], vec4(first.y) + IOTA);
    return row_state_add(row_state_add(r, x[2], v[2], vec4(first.z) + IOTA), x[3], v[3], vec4(first.w) + IOTA);
}

fn row_state_select(no: RowState, yes: RowState, which: vec4<bool>) -> RowState {
    return RowState(
        greatest_select(no.greatest, yes.greatest, which),
        Pair(
            side_select(no.pair.student, yes.pair.student, which),
            side_select(no.pair.teacher, yes.pair.teacher, which),
            Gaps(select(no.pair.d.high, yes.pair.d.high, which), select(no.pair.d.low, yes.pair.d.low, which)),
            select(no.pair.endless, yes.pair.endless, which),
        ),
        sum_choose(no.terms, yes.terms, which),
        sum_choose(no.other_terms, yes.other_terms, which),
        best_select(no.best, yes.best, which),
    );
}

fn row_state_rebased(s: RowState, row_max: vec4<f32>) -> array<vec4<f32>, 4> {
    merge_teacher(s.pair, weight_seen(s.pair), row_max);
    let side = side_rebased(s.pair.student, row_max);
    return array<vec4<f32>, 4>(side[0], side[1], vec4(0.0), vec4(0.0));
}

// No entropy is asked for, and nothing goes before a class where none is the true one.
fn row_state_spread(s: RowState, row_max: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn row_state_ahead(s: RowState) -> Ahead {
    return ahead_start();
}

fn logit(x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return x;
}

// exp((x − max)/τ)
fn numerator(x: vec4<f32>, row_max: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return student_numerator(x, row_max);
}

fn student_numerator(x: vec4<f32>, row_max: vec4<f32>) -> vec4<f32> {
    return exp_nonpositive(gap(x, row_max));
}

struct NumeratorSums {
    rest: vec4<f32>,     // Σ exp((x − max)/τ) but for the greatest
    greatest: vec4<f32>,
}

fn numerators_start() -> NumeratorSums {
    return NumeratorSums(vec4(0.0), vec4(0.0));
}

fn numerators_add(
    s: NumeratorSums,
    numerator: vec4<f32>,
    x: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> NumeratorSums {
    return NumeratorSums(s.rest + min(s.greatest, numerator), max(s.greatest, numerator));
}

// (rest, 1 where the max is among them)
fn numerators_total(s: NumeratorSums) -> array<vec4<f32>, 2> {
    let at_max = s.greatest == vec4(1.0);
    let rest = s.rest + select(s.greatest, vec4(0.0), at_max);
    return array<vec4<f32>, 2>(rest, select(vec4(0.0), vec4(1.0), at_max));
}

fn numerators_spread(s: NumeratorSums) -> vec4<f32> {
    return vec4(0.0);
}

// The same of resident vectors, where the student's max is known beforehand: beside it all that an invocation has seen may
// be so small that `rest + 1` would lose it.
struct BSums {
    pair: Pair,
    max: vec4<f32>,
    weight: vec4<f32>, // Σ exp((x − max)/τ)
}

fn b_sums_start() -> BSums {
    return BSums(pair_start(), vec4(-3.4028234e38), vec4(0.0));
}

fn resident_weight(s: BSums) -> vec4<f32> {
    if (BY_TEACHER) {
        return weight_seen(s.pair);
    }
    return s.weight;
}

fn b_sums_add(
    s: BSums,
    x: vec4<f32>,
    v: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> BSums {
    var pair = s.pair;
    pair.student.greatest.max = row_max;
    let e = student_numerator(x, row_max);
    let step = Step(pair.student, e, vec4(1.0), vec4(0.0));
    return BSums(
        paired(pair, resident_weight(s), step, side_add(pair.teacher, v), x, v),
        row_max,
        s.weight + e,
    );
}

fn b_sums_total(s: BSums) -> array<vec4<f32>, 2> {
    var pair = s.pair;
    // An invocation without a vector has seen nothing, and moves nothing.
    pair.student.greatest.max = s.max;
    merge_teacher(pair, resident_weight(s), s.max);
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

struct FinishedRow {
    max: vec4<f32>,
    rest: vec4<f32>,
    lse: vec4<f32>,
    loss: vec4<f32>,
    share: vec4<f32>,          // 1 / (1 + rest)
    teacher_max: vec4<f32>,
    teacher_rest: vec4<f32>,
    teacher_share: vec4<f32>,
    shift: vec4<f32>,          // log(p/t) is b − a and this
    centre: vec4<f32>,         // the mean under p of what the gradient weighs p by
    scale: vec4<f32>,          // what arrives at the loss, and τ's factor
    poison: vec4<f32>,         // 0, or NaN: of a row of the student's that means nothing,
    slope_poison: vec4<f32>,   // or of one whose gradient does not
}

// Both sides once they are known, before the loss is.
fn both_sides(row_max: vec4<f32>, rest: vec4<f32>) -> FinishedRow {
    var r: FinishedRow;
    let log_sum = log1p_nonnegative(rest);
    r.max = row_max;
    r.rest = rest;
    r.lse = params.twice_inverse_temperature * (0.5 * row_max) + log_sum;
    r.share = 1.0 / (1.0 + rest);
    r.teacher_max = teacher.max;
    r.teacher_rest = teacher.rest;
    r.teacher_share = 1.0 / (1.0 + teacher.rest);
    r.shift = log1p_nonnegative(teacher.rest) - log_sum;
    return r;
}

fn row_finish(
    row_max: vec4<f32>,
    rest: vec4<f32>,
    a: vec4<f32>,
    d: vec4<f32>,
    spread: vec4<f32>,
    count: vec4<f32>,
) -> FinishedRow {
    var r = with_divergence(both_sides(row_max, rest), teacher.d);
    let endless = teacher.endless > vec4(0.0);
    r.loss = select(r.loss * params.loss_factor, infinity(), endless);
    r.scale = vec4(params.slope_factor);
    let poisoned = is_positive_infinity(row_max) | (rest < vec4(-0.5));
    let no_teacher = is_positive_infinity(teacher.max) | (teacher.rest < vec4(-0.5));
    r.poison = select(vec4(0.0), nan(), poisoned);
    r.slope_poison = select(vec4(0.0), nan(), no_teacher | (endless & vec4(!BY_TEACHER)));
    r.loss = select(r.loss, nan(), poisoned | no_teacher);
    r.lse = select(r.lse, nan(), poisoned);
    return r;
}

fn row_arriving(row: FinishedRow, scalar_upstream: vec4<f32>) -> FinishedRow {
    var r = row;
    r.scale = scalar_upstream;
    return r;
}

// exp((v − max_v)/τ)
fn teacher_numerator(r: FinishedRow, v: vec4<f32>) -> vec4<f32> {
    return exp_nonpositive(gap(v, r.teacher_max));
}

// log(p/t); of two masks, NaN.
fn log_ratio(r: FinishedRow, x: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    return gap_of_sides(x, r.max, v, r.teacher_max) + r.shift;
}

fn gradient(r: FinishedRow, x: vec4<f32>, v: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return gradient_of_numerator(r, x, student_numerator(x, r.max), v, classes);
}

fn gradient_of_numerator(
    r: FinishedRow,
    x: vec4<f32>,
    numerator: vec4<f32>,
    v: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    return slope_of(r, x, numerator, v) * r.scale + (r.poison + r.slope_poison);
}

// Unused: no class is false before the teacher's scores are read.
fn false_gradient(r: FinishedRow, x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return vec4(0.0);
}

fn false_gradient_of_numerator(
    r: FinishedRow,
    x: vec4<f32>,
    numerator: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    return vec4(0.0);
}
