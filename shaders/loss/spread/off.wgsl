// Nobody asks for entropies.

const SPREADS = false;

alias Spread = bool;
alias ResidentSpread = bool;

fn spread_start() -> Spread {
    return false;
}

fn spread_add(s: Spread, rest: Sum, e: vec4<f32>, gap: vec4<f32>, above: vec4<bool>) -> Spread {
    return s;
}

fn spread_term(e: vec4<f32>, gap: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn spread_add_terms(s: Spread, terms: vec4<f32>) -> Spread {
    return s;
}

fn spread_select(no: Spread, yes: Spread, which: vec4<bool>) -> Spread {
    return no;
}

fn spread_total(s: Spread) -> vec4<f32> {
    return vec4(0.0);
}

fn spread_rebased(spread: vec4<f32>, rest: vec4<f32>, own: vec4<f32>, row_max: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn spread_of_team(spread: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn resident_spread_start() -> ResidentSpread {
    return false;
}

fn resident_spread_add(s: ResidentSpread, e: vec4<f32>, x: vec4<f32>, row_max: vec4<f32>, classes: vec4<u32>) -> ResidentSpread {
    return s;
}

fn resident_spread_total(s: ResidentSpread) -> vec4<f32> {
    return vec4(0.0);
}

fn with_spread(row: FinishedRow, spread: vec4<f32>, log_sum: vec4<f32>) -> FinishedRow {
    return row;
}
