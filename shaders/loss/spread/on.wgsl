// A row's spread, Σ exp(u − max)·(max − u): what its entropy is made of besides log Σ, of terms that are never negative:
//
//     H = lse − Σ_j p_j·u_j = log Σ + spread / (1 + rest)

const SPREADS = true;

alias Spread = Sum;
alias ResidentSpread = vec4<f32>;

fn spread_start() -> Spread {
    return sum_of(vec4(0.0));
}

// One term; a mask has none.
fn spread_term(e: vec4<f32>, gap: vec4<f32>) -> vec4<f32> {
    return select(e * gap, vec4(0.0), e == vec4(0.0));
}

// One vector more, `gap` below the max, or above it: then all that was seen before, `rest` and the old max, falls by as much.
fn spread_add(s: Spread, rest: Sum, e: vec4<f32>, gap: vec4<f32>, above: vec4<bool>) -> Spread {
    let term = spread_term(e, gap);
    let below = sum_choose(s, sum_scaled(s, e), above);
    return sum_add(below, select(term, term * (rest.high + 1.0), above));
}

// Terms of what is not above the max.
fn spread_add_terms(s: Spread, terms: vec4<f32>) -> Spread {
    return sum_add(s, terms);
}

fn spread_select(no: Spread, yes: Spread, which: vec4<bool>) -> Spread {
    return sum_choose(no, yes, which);
}

fn spread_total(s: Spread) -> vec4<f32> {
    return sum_total(s);
}

// A spread below its own max, as one below the row's.
fn spread_rebased(spread: vec4<f32>, rest: vec4<f32>, own: vec4<f32>, row_max: vec4<f32>) -> vec4<f32> {
    let gap = scaled(row_max - own);
    let e = exp_nonpositive(-gap);
    let below = select(e * (spread + gap * (rest + 1.0)), vec4(0.0), e == vec4(0.0));
    return select(below, spread, own == row_max);
}

fn spread_of_team(spread: vec4<f32>) -> vec4<f32> {
    return tile_sum(spread);
}

// The same of resident vectors, whose max is known beforehand.
fn resident_spread_start() -> ResidentSpread {
    return vec4(0.0);
}

fn resident_spread_add(s: ResidentSpread, e: vec4<f32>, x: vec4<f32>, row_max: vec4<f32>, classes: vec4<u32>) -> ResidentSpread {
    return s + spread_term(e, scaled(row_max - logit(x, classes)));
}

fn resident_spread_total(s: ResidentSpread) -> vec4<f32> {
    return s;
}

fn with_spread(row: FinishedRow, spread: vec4<f32>, log_sum: vec4<f32>) -> FinishedRow {
    var r = row;
    r.mean_gap = spread * r.scale;
    r.entropy = log_sum + r.mean_gap;
    return r;
}
