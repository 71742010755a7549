// What a team does with a strip, by the sweeps of its walk: statistics and gradient.

// The targets of a strip's rows, M counted.
fn open_targets(s: Strip) -> Target {
    var t = target_open(s.rows);
    if (COUNTED) {
        var counter = t;
        t.count = strip_sum(sweep_count(whole_row(s), &counter));
    }
    return t;
}

// At the first class of a slice.
fn seeker_of(s: Strip, t: Target) -> Target {
    var seeker = t;
    if (SPLIT) {
        target_seek(&seeker, vec4(s.first));
    }
    return seeker;
}

fn summarize(s: Strip, t: Target, live: vec4<bool>) -> Summary {
    var stats = stats_start();
    if (any(live)) {
        var seeker = seeker_of(s, t);
        stats = sweep_statistics(s, &seeker);
    }
    return conclude(s, t, live, stats);
}

// Merges what the team's invocations have seen.
fn conclude(s: Strip, t: Target, live: vec4<bool>, stats: Stats) -> Summary {
    let top = strip_max(stats_top(stats));
    let share = stats_share(stats, top);
    let listed = listed_share(s, t, live, top);
    // 1 for each lane at the top, and far more for a bad list.
    let marks = share[1] + listed[2];
    let total = strip_sums(share[0], marks, share[2] + listed[0], share[3] + listed[1]);
    let bad = total[1] >= vec4(1e6);

    var best = vec4(0.0);
    var best_at = vec4(0xffffffffu);
    if (ARGMAX) {
        best = strip_max(stats.best);
        best_at = strip_min(select(vec4(0xffffffffu), stats.best_at, stats.best == best));
    }
    return Summary(top, total[0] + (total[1] - 1.0), total[2], total[3], best, best_at, bad);
}

// What the listed true classes add to a and d, and a mark where a list means nothing.
fn listed_share(s: Strip, t: Target, live: vec4<bool>, top: vec4<f32>) -> array<vec4<f32>, 3> {
    var a = vec4(0.0);
    var d = vec4(0.0);
    var mark = vec4(0.0);
    if (!SPARSE) {
        return array<vec4<f32>, 3>(a, d, mark);
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
                    unsettled += vec2(b.x, weighted_gap(b, vec4(top[k]) - u, u).x);
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

// Writes the gradient of the rows that are `good`, and zeros into the others.
fn write_gradient(s: Strip, t: Target, r: Row, good: vec4<bool>) {
    var seeker = seeker_of(s, t);
    sweep_gradient(s, &seeker, with_arriving(s, r), good);
}

// The row, scaled by what the reduction and the upstream gradient make of it.
fn with_arriving(s: Strip, r: Row) -> Row {
    var scaled_row = r;
    for (var k = 0u; k < LANES; k++) {
        if (s.exists[k]) {
            scaled_row.scale[k] *= upstream_at(s.rows[k]);
        }
    }
    scaled_row.scale = strip_splat(scaled_row.scale) * scalars.grad_scale;
    return scaled_row;
}
