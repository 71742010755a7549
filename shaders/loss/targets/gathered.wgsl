// Σ B_j and Σ B_j·(max − u_j), gathered class by class: dense and smoothed targets, and where four rows stay resident.

struct TargetSums {
    a: Sum, // Σ B
    d: Sum, // Σ B·(max − u)
}

fn target_sums_start() -> TargetSums {
    return TargetSums(sum_of(vec4(0.0)), sum_of(vec4(0.0)));
}

// One vector more, where the max may move from `old` up to u.
fn target_sums_add(s: TargetSums, u: vec4<f32>, b: vec4<f32>, old: vec4<f32>, above: vec4<bool>) -> TargetSums {
    let half = abs(0.5 * u - 0.5 * old);
    let term = select(weighted_gap(b, half, u), weighted_gap(s.a.high, half, old), above);
    return TargetSums(sum_add(s.a, b), sum_add(s.d, term));
}

// Four vectors more, whose greatest scores are `own`; the max moves from `old` to `now`.
fn target_sums_add_four(
    s: TargetSums,
    u: array<vec4<f32>, 4>,
    b: array<vec4<f32>, 4>,
    old: vec4<f32>,
    now: vec4<f32>,
) -> TargetSums {
    let step = select(vec4(0.0), weighted_gap(s.a.high, 0.5 * now - 0.5 * old, old), now > old);
    let half = 0.5 * now;
    let x_and_y = weighted_gap(b[0], half - 0.5 * u[0], u[0]) + weighted_gap(b[1], half - 0.5 * u[1], u[1]);
    let z_and_w = weighted_gap(b[2], half - 0.5 * u[2], u[2]) + weighted_gap(b[3], half - 0.5 * u[3], u[3]);
    return TargetSums(
        sum_add(s.a, (b[0] + b[1]) + (b[2] + b[3])),
        sum_add(s.d, step + (x_and_y + z_and_w)),
    );
}

fn target_sums_select(no: TargetSums, yes: TargetSums, which: vec4<bool>) -> TargetSums {
    return TargetSums(sum_choose(no.a, yes.a, which), sum_choose(no.d, yes.d, which));
}

// (Σ B, Σ B·(max − u))
fn target_sums_total(s: TargetSums) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(sum_total(s.a), sum_total(s.d));
}

// The same of resident vectors, whose max is known beforehand.
struct BSums {
    a: vec4<f32>,
    d: vec4<f32>,
}

fn b_sums_start() -> BSums {
    return BSums(vec4(0.0), vec4(0.0));
}

fn b_sums_add(
    s: BSums,
    x: vec4<f32>,
    b: vec4<f32>,
    row_max: vec4<f32>,
    classes: vec4<u32>,
) -> BSums {
    let u = logit(x, classes);
    return BSums(s.a + b, s.d + weighted_gap(b, 0.5 * row_max - 0.5 * u, u));
}

fn b_sums_total(s: BSums) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(s.a, s.d);
}
