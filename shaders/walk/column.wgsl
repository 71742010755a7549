// Scores whose class axis is not innermost: neighbours in memory are other rows. One thread walks four rows that lie
// side by side, one in each lane of its vectors, down the classes.

override GRAD: bool = true;
override ARGMAX: bool = false;
override CORRECT: bool = false;

const ROWWISE = false;

fn walk_group() {
    let inner = params.inner;
    let quads = (inner + 3u) / 4u;
    let id = group * teams + team;
    let n = id / quads;
    if (n < params.rows / inner) {
        walk_rows(n, id % quads * 4u);
    }
}

// Rows (n, d..d+3), as far as they exist.
fn walk_rows(n: u32, d: u32) {
    let inner = params.inner;
    let classes = params.classes;
    let inside = vec4(d) + IOTA < vec4(inner);
    let index = params.first_row + n * inner + d;
    let rows = select(vec4(index), vec4(index) + IOTA, inside);
    let base = params.scores_at + n * params.scores_stride + d;
    let dense = params.dense_at + n * classes * inner + d;

    var t = target_open(rows);
    let live = t.state == vec4(LIVE) & inside;
    let end = select(0u, classes, any(live));
    if (COUNTED) {
        var count = vec4(0.0);
        for (var c = 0u; c < end; c++) {
            count += target_values(&t, vec4(c), dense + c * inner);
        }
        t.count = count;
    }

    var seeker = t;
    var s = stats_start();
    for (var c = 0u; c < end; c++) {
        var b = vec4(0.0);
        if (gathers_targets()) {
            b = target_weights(target_values(&seeker, vec4(c), dense + c * inner), t.count, vec4(c));
        }
        s = stats_add(s, load4(base + c * inner), b, vec4(c));
    }
    let top = stats_top(s);
    let share = stats_share(s, top);
    var a = share[2];
    var loss = share[3];
    var bad = vec4(false);
    if (SPARSE) {
        for (var k = 0u; k < 4u; k++) {
            let entries = select(0u, listed_count(t, k), live[k]);
            for (var entry = 0u; entry < entries; entry++) {
                if (!listed_ok(t, k, entry)) {
                    bad[k] = true;
                } else if (!gathers_targets()) {
                    let class_id = listed_class(t, k, entry);
                    let u = transform(vec4(load1(base + class_id * inner + k)));
                    let b = target_weights(vec4(1.0), vec4(t.count[k]), vec4(class_id));
                    a[k] += b.x;
                    loss[k] += weighted_gap(b, vec4(top[k]) - u, u).x;
                }
            }
        }
    }
    let good = live & !bad;
    var r = row_finish(top, share[0], a, loss, t.count);

    if (ARGMAX) {
        let readable = good & !is_nan(r.poison);
        let winner = select(vec4(0xffffffffu), s.best_at, readable);
        var greatest = vec4(1.0);
        var at_winner = vec4(0.0);
        if (CORRECT) {
            if (SPARSE) {
                for (var k = 0u; k < 4u; k++) {
                    let entries = select(0u, listed_count(t, k), readable[k]);
                    for (var entry = 0u; entry < entries; entry++) {
                        at_winner[k] += select(0.0, 1.0, listed_class(t, k, entry) == winner[k]);
                    }
                }
            } else {
                var again = t;
                greatest = vec4(0.0);
                for (var c = 0u; c < end; c++) {
                    let values = target_values(&again, vec4(c), dense + c * inner);
                    greatest = max(greatest, values);
                    at_winner = select(at_winner, values, winner == vec4(c));
                }
            }
        }
        for (var k = 0u; k < 4u; k++) {
            if (inside[k]) {
                put_argmax(index + k, winner[k]);
            }
            if (CORRECT && readable[k] && greatest[k] > 0.0 && at_winner[k] == greatest[k]) {
                count_correct();
            }
        }
    }

    let ignored = t.state == vec4(IGNORED);
    let losses_here = select(select(nan(), r.loss, good), vec4(0.0), ignored);
    let lse_here = select(vec4(0.0), r.lse, good);
    var arriving = vec4(0.0);
    for (var k = 0u; k < 4u; k++) {
        if (inside[k]) {
            put_loss(index + k, losses_here[k]);
            put_lse(index + k, lse_here[k]);
            arriving[k] = upstream_at(index + k);
            if (good[k] && is_nan(r.poison)[k]) {
                count_outside(index + k);
            }
        }
    }
    if (!GRAD) {
        return;
    }
    r.scale *= scalars.grad_scale * arriving;
    seeker = t;
    let out = params.grad_at + n * params.grad_stride + d;
    for (var c = 0u; c < classes; c++) {
        var g = vec4(0.0);
        if (any(good)) {
            let b = target_weights(target_values(&seeker, vec4(c), dense + c * inner), t.count, vec4(c));
            g = select(vec4(0.0), gradient(r, load4(base + c * inner), b), good);
        }
        if (all(inside)) {
            store4(out + c * inner, g);
        } else {
            store_some(out + c * inner, g, inside);
        }
    }
}
