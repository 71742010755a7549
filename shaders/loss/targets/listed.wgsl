// The true classes are listed: Σ B_j and Σ B_j·(max − u_j) are taken over them alone, once the row's max is known.

alias TargetSums = bool;
alias BSums = bool;

fn target_sums_start() -> TargetSums {
    return false;
}

fn target_sums_add(s: TargetSums, u: vec4<f32>, b: vec4<f32>, old: vec4<f32>, above: vec4<bool>) -> TargetSums {
    return s;
}

fn target_sums_add_four(
    s: TargetSums,
    u: array<vec4<f32>, 4>,
    b: array<vec4<f32>, 4>,
    old: vec4<f32>,
    now: vec4<f32>,
) -> TargetSums {
    return s;
}

fn target_sums_select(no: TargetSums, yes: TargetSums, which: vec4<bool>) -> TargetSums {
    return no;
}

fn target_sums_total(s: TargetSums) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

fn b_sums_start() -> BSums {
    return false;
}

fn b_sums_add(
    s: BSums,
    x: vec4<f32>,
    b: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> BSums {
    return s;
}

fn b_sums_total(s: BSums) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}
