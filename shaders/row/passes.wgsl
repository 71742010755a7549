// What a team does with a tile, by the passes of the traversal: statistics and gradient.

// The targets of a tile's rows, M counted.
fn open_targets(s: RowTile) -> Target {
    var t = target_open(s.rows);
    open_truth(s, t);
    if (COUNTED) {
        var counter = t;
        t.count = tile_sum(count_targets(whole_row(s), &counter));
    }
    return t;
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
    let row_max = tile_max(greatest_of(row_state.greatest));
    let terms = row_state_rebased(row_state, row_max);
    let spread = row_state_spread(row_state, row_max);
    let listed = listed_terms(s, t, live, row_max);
    return merge_team(row_state.best, row_max, terms, listed, spread, row_state_ahead(row_state));
}

// Merges what the team's invocations have seen.
fn merge_team(
    best: Best,
    row_max: vec4<f32>,
    terms: array<vec4<f32>, 4>,
    listed: array<vec4<f32>, 3>,
    spread: vec4<f32>,
    ahead: Ahead,
) -> RowTotals {
    // 1 for each lane at the max, and far more for a bad list.
    let marks = terms[1] + listed[2];
    let total = tile_sums(terms[0], marks, terms[2] + listed[0], terms[3] + listed[1]);
    let bad = total[1] >= vec4(1e6);
    let of_team = best_of_team(best);
    return RowTotals(
        row_max,
        total[0] + (total[1] - 1.0),
        total[2],
        total[3],
        of_team.score,
        of_team.at,
        bad,
        spread_of_team(spread),
        true_logit(),
        ahead_of_team(ahead),
    );
}

// Writes the gradient of the rows that are `good`, and zeros into the others.
fn write_gradient(s: RowTile, t: Target, r: FinishedRow, good: vec4<bool>) {
    var cursor = cursor_of(s, t);
    write_gradients(s, &cursor, with_upstream(s, r), good);
}

// Which rows have a gradient class by class,
fn has_gradient(r: FinishedRow, good: vec4<bool>) -> vec4<bool> {
    return good & !is_nan(gradient_poison(r));
}

// and what all of it is in the others: 0 in those that are not good, NaN in poisoned ones.
fn blank_gradient(r: FinishedRow, good: vec4<bool>) -> vec4<f32> {
    return select(vec4(0.0), gradient_poison(r), good);
}

// The row, scaled by what the reduction and the upstream gradient make of it.
fn with_upstream(s: RowTile, r: FinishedRow) -> FinishedRow {
    let scale = tile_splat(r.scale) * grad_scale();
    let arriving = entropy_arriving(r, scale, upstream_of(s), entropy_upstream_of(s));
    return row_arriving(arriving, tile_splat(r.scale * upstream_of(s)) * grad_scale());
}

// What arrives at each row's entropy.
fn entropy_upstream_of(s: RowTile) -> vec4<f32> {
    let first = entropy_upstream_at(s.rows.x);
    if (LANES == 1u) {
        return vec4(first);
    }
    return vec4(first, entropy_upstream_at(s.rows.y), entropy_upstream_at(s.rows.z), entropy_upstream_at(s.rows.w));
}

// What arrives at each row's loss; rows that do not exist have the first one's.
fn upstream_of(s: RowTile) -> vec4<f32> {
    let first = upstream_at(s.rows.x);
    if (LANES == 1u) {
        return vec4(first);
    }
    return vec4(first, upstream_at(s.rows.y), upstream_at(s.rows.z), upstream_at(s.rows.w));
}
