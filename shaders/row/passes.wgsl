// What a team does with a tile, by the passes of the traversal: statistics and gradient.

// The targets of a tile's rows, M counted.
fn open_targets(s: RowTile) -> Target {
    var t = target_open(s.rows);
    if (COUNTED) {
        var counter = t;
        t.count = tile_sum(count_targets(whole_row(s), &counter));
    }
    return t;
}

// Whether the gradient is first written as if no class were true. Not over the scores: what is patched is read again.
fn patches_targets() -> bool {
    return SPARSE && !SMOOTHED && !IN_PLACE;
}

// At the first class of a slice.
fn cursor_of(s: RowTile, t: Target) -> Target {
    var cursor = t;
    if (SPLIT) {
        target_seek(&cursor, vec4(s.first));
    }
    return cursor;
}

fn total_row(s: RowTile, t: Target, live: vec4<bool>) -> RowTotals {
    var row_state = row_state_start();
    if (any(live)) {
        var cursor = cursor_of(s, t);
        row_state = accumulate_row(s, &cursor);
    }
    let row_max = tile_max(row_state_max(row_state));
    return merge_team(row_state, row_max, row_state_rebased(row_state, row_max), listed_terms(s, t, live, row_max));
}

// Merges what the team's invocations have seen.
fn merge_team(row_state: RowState, row_max: vec4<f32>, terms: array<vec4<f32>, 4>, listed: array<vec4<f32>, 3>) -> RowTotals {
    // 1 for each lane at the max, and far more for a bad list.
    let marks = terms[1] + listed[2];
    let total = tile_sums(terms[0], marks, terms[2] + listed[0], terms[3] + listed[1]);
    let bad = total[1] >= vec4(1e6);

    var best = vec4(0.0);
    var best_at = vec4(0xffffffffu);
    if (ARGMAX) {
        best = tile_max(row_state.best);
        best_at = tile_min(select(vec4(0xffffffffu), row_state.best_at, row_state.best == best));
    }
    return RowTotals(row_max, total[0] + (total[1] - 1.0), total[2], total[3], best, best_at, bad);
}

// What the listed true classes add to a and d, and a mark where a list means nothing.
fn listed_terms(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    var a = vec4(0.0);
    var d = vec4(0.0);
    var mark = vec4(0.0);
    if (!SPARSE) {
        return array<vec4<f32>, 3>(a, d, mark);
    }
    if (SINGLE) {
        return single_term(s, t, live, row_max);
    }
    for (var k = 0u; k < LANES; k++) {
        let entries = select(0u, listed_count(t, k), live[k]);
        var unsettled = vec2(0.0); // long sums are settled now and then, so that they do not wear small terms down
        for (var entry = rank; entry < entries; entry += team_size) {
            if (!listed_ok(t, k, entry)) {
                mark[k] = 1e6;
            } else if (!gathers_targets()) {
                let class_id = listed_class(t, k, entry);
                if (!SPLIT || class_id - s.first < s.classes) {
                    let u = transform(vec4(load1(score_at(s, class_id, k))));
                    let b = target_weights(vec4(1.0), vec4(t.count[k]), vec4(class_id));
                    unsettled += vec2(b.x, weighted_gap(b, vec4(0.5 * row_max[k]) - 0.5 * u, u).x);
                }
                if (entry % (64u * team_size) < team_size) {
                    a[k] += unsettled.x;
                    d[k] += unsettled.y;
                    unsettled = vec2(0.0);
                }
            }
        }
        a[k] += unsettled.x;
        d[k] += unsettled.y;
    }
    return array<vec4<f32>, 3>(a, d, mark);
}

// The same of one true class a row, without a loop: a software adapter pays for each turn twice.
fn single_term(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    let classes = single_class(t);
    let here = live & vec4(rank == 0u) & (vec4(!SPLIT) | (classes - s.first < vec4(s.classes)));
    if (gathers_targets()) {
        return array<vec4<f32>, 3>(vec4(0.0), vec4(0.0), vec4(0.0));
    }
    let u = transform(scores_at(s, select(vec4(s.first), classes, here)));
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

// Writes the gradient of the rows that are `good`, and zeros into the others.
fn write_gradient(s: RowTile, t: Target, r: FinishedRow, good: vec4<bool>) {
    var cursor = cursor_of(s, t);
    write_gradients(s, &cursor, with_upstream(s, r), good);
}

// The row, scaled by what the reduction and the upstream gradient make of it.
fn with_upstream(s: RowTile, r: FinishedRow) -> FinishedRow {
    return row_arriving(r, tile_splat(r.scale * upstream_of(s)) * scales.grad_scale);
}

// What arrives at each row's loss; rows that do not exist have the first one's.
fn upstream_of(s: RowTile) -> vec4<f32> {
    let first = upstream_at(s.rows.x);
    if (LANES == 1u) {
        return vec4(first);
    }
    return vec4(first, upstream_at(s.rows.y), upstream_at(s.rows.z), upstream_at(s.rows.w));
}
