// Cross-entropy of given probabilities z, per row:
//
//     loss = −Σ_j B_j·log z_j      ∂loss/∂z_j = −B_j / z_j      B_j = w_j·((1−ε)·t_j/M + ε/C)
//
// with logs clamped at −100 and denominators at 1e-12. There is nothing to normalise: a row's only statistic is its loss.

const GIVEN = true; // the scores are probabilities already

fn gathers_targets() -> bool {
    return true;
}

struct Stats {
    outside: vec4<u32>, // 1 once a probability lay outside [0, 1]
    d: Sum,             // Σ B·(−log z)
    best: vec4<f32>,
    best_at: vec4<u32>,
}

fn stats_start() -> Stats {
    return Stats(vec4(0u), Sum(vec4(0.0), vec4(0.0)), vec4(-1.0), vec4(0xffffffffu));
}

fn stats_add(s: Stats, z: vec4<f32>, b: vec4<f32>, classes: vec4<u32>) -> Stats {
    var r = top_add(s, z, classes);
    r.d = sum_add(s.d, minus_log(z, b));
    return r;
}

// B·(−log z)
fn minus_log(z: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return select(b * min(-log_nonnegative(z), vec4(100.0)), vec4(0.0), b == vec4(0.0));
}

// What is not a probability, and the greatest that is.
fn top_add(s: Stats, z: vec4<f32>, classes: vec4<u32>) -> Stats {
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

fn shares_add(s: Shares, z: vec4<f32>, share: vec4<f32>, b: vec4<f32>, top: vec4<f32>) -> Shares {
    var r = s;
    r.d = s.d + minus_log(z, b);
    return r;
}

fn stats_add_four(s: Stats, z: array<vec4<f32>, 4>, b: array<vec4<f32>, 4>, first: vec4<u32>) -> Stats {
    let r = stats_add(stats_add(s, z[0], b[0], vec4(first.x) + IOTA), z[1], b[1], vec4(first.y) + IOTA);
    return stats_add(stats_add(r, z[2], b[2], vec4(first.z) + IOTA), z[3], b[3], vec4(first.w) + IOTA);
}

fn stats_choose(no: Stats, yes: Stats, which: vec4<bool>) -> Stats {
    return Stats(
        select(no.outside, yes.outside, which),
        sum_choose(no.d, yes.d, which),
        select(no.best, yes.best, which),
        select(no.best_at, yes.best_at, which),
    );
}

// +∞ if a probability lay outside [0, 1].
fn stats_top(s: Stats) -> vec4<f32> {
    return select(vec4(0.0), infinity(), s.outside == vec4(1u));
}

fn stats_share(s: Stats, top: vec4<f32>) -> array<vec4<f32>, 4> {
    return rebased(top, vec4(0.0), vec4(0.0), sum_total(s.d), top);
}

fn rebased(own: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, top: vec4<f32>) -> array<vec4<f32>, 4> {
    return array<vec4<f32>, 4>(vec4(0.0), vec4(0.0), vec4(0.0), d);
}

struct Row {
    lse: vec4<f32>,
    loss: vec4<f32>,
    scale: vec4<f32>,
    poison: vec4<f32>,
}

fn row_finish(top: vec4<f32>, rest: vec4<f32>, a: vec4<f32>, d: vec4<f32>, count: vec4<f32>) -> Row {
    let outside = is_positive_infinity(top);
    // Targets that are not finite make all of the row NaN.
    let meaningless = vec4(!SPARSE && !COUNTED) & (is_nan(d) | is_infinity(d));
    return Row(
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

// Nothing is normalised: no share is needed.
fn share_of_top(z: vec4<f32>, top: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn gradient_of_share(r: Row, z: vec4<f32>, share: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return gradient(r, z, b);
}

fn false_gradient(r: Row, z: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn false_gradient_of_share(r: Row, z: vec4<f32>, share: vec4<f32>) -> vec4<f32> {
    return vec4(0.0);
}

fn gradient(r: Row, z: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return select((-b * r.scale) / max(z, vec4(1e-12)), 0.0 * r.scale, b == vec4(0.0));
}

// The row, once it is known what arrives at its loss.
fn row_arriving(row: Row, arriving: vec4<f32>) -> Row {
    var r = row;
    r.scale = arriving;
    return r;
}
