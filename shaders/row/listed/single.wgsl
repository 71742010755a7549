// What the one true class of a row adds to Σ B and Σ B·(max − u), without a loop: a software adapter pays for each turn
// twice.

fn listed_terms(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    let classes = single_class(t);
    let here = live & vec4(rank == 0u) & (vec4(!SPLIT) | (classes - s.first < vec4(s.classes)));
    let u = logit(scores_at(s, select(vec4(s.first), classes, here)), classes);
    let b = select(vec4(0.0), target_weights(vec4(1.0), t.count, classes), here);
    return array<vec4<f32>, 3>(b, weighted_gap(b, 0.5 * row_max - 0.5 * u, u), vec4(0.0));
}

// The score of one class in each row.
fn scores_at(s: RowTile, classes: vec4<u32>) -> vec4<f32> {
    let x = load1(score_at(s, classes.x, 0u));
    if (LANES == 1u) {
        return vec4(x);
    }
    return vec4(
        x,
        load1(score_at(s, classes.y, 1u)),
        load1(score_at(s, classes.z, 2u)),
        load1(score_at(s, classes.w, 3u)),
    );
}
