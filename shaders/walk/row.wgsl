// Rows whose classes lie side by side: a team takes a row's scores by quads, first for the statistics, then for the
// gradient. Where rows do not begin on a quad (PEELED), the quads at a row's ends are taken by rank 0 alone, and the
// BUNDLE of rows that may share quads is walked by one team, one after another.

override PEELED: bool = false;
override BUNDLE: u32 = 1u;
override TASKS_PER_GROUP: u32 = 1u;
override GRAD: bool = true;
override ARGMAX: bool = false;
override CORRECT: bool = false;

const ROWWISE = true;

fn walk_group() {
    for (var k = team; k < TASKS_PER_GROUP; k += teams) {
        let first = (group * TASKS_PER_GROUP + k) * BUNDLE;
        for (var row = first; row < first + BUNDLE; row++) {
            walk_row(row, row < params.rows);
        }
    }
}

fn walk_row(row: u32, exists: bool) {
    let index = params.first_row + row;
    let base = params.scores_at + row * params.scores_stride;
    let dense = params.dense_at + row * params.classes;
    let classes = params.classes;
    // The body is whole quads; a head of up to 3 classes may lie before it and a tail behind.
    var head = 0u;
    if (PEELED) {
        head = (4u - base % 4u) % 4u;
    }
    var body_end = head;
    if (classes > head) {
        body_end += (classes - head) / 4u * 4u;
    }
    let has_head = PEELED && rank == 0u && head != 0u;
    let has_tail = PEELED && rank == 0u && body_end < classes;

    var t: Target;
    var live = exists;
    if (exists) {
        t = target_open(vec4(index));
        live = t.state.x == LIVE;
    }
    if (COUNTED) {
        var count = vec4(0.0);
        if (live) {
            if (has_head) {
                let here = vec4(head - 4u) + IOTA;
                count += select(vec4(0.0), target_values(&t, here, dense + head - 4u), here < vec4(classes));
            }
            for (var c = head + 4u * rank; c < body_end; c += 4u * team_size) {
                count += target_values(&t, vec4(c) + IOTA, dense + c);
            }
            if (has_tail) {
                let here = vec4(body_end) + IOTA;
                count += select(vec4(0.0), target_values(&t, here, dense + body_end), here < vec4(classes));
            }
        }
        t.count = vec4(team_sum(vec4(count.x + count.y + count.z + count.w, 0.0, 0.0, 0.0)).x);
    }

    // Statistics.
    var seeker = t;
    var s = stats_start();
    if (live) {
        if (has_head) {
            s = add_edge(s, &seeker, head - 4u, base, dense);
        }
        for (var c = head + 4u * rank; c < body_end; c += 4u * team_size) {
            let here = vec4(c) + IOTA;
            s = stats_add(s, load4(base + c), sweep_weights(&seeker, here, dense + c), here);
        }
        if (has_tail) {
            s = add_edge(s, &seeker, body_end, base, dense);
        }
    }
    let tops = stats_top(s);
    let top = vec4(team_max(max(max(tops.x, tops.y), max(tops.z, tops.w))));
    let share = stats_share(s, top);
    var own = vec4(fold(share[0]), fold(share[1]), fold(share[2]), fold(share[3]));
    var bad_entries = 0.0;
    if (SPARSE && live) {
        for (var entry = rank; entry < listed_count(t, 0u); entry += team_size) {
            if (!listed_ok(t, 0u, entry)) {
                bad_entries = 1e6;
            } else if (!gathers_targets()) {
                let class_id = listed_class(t, 0u, entry);
                let u = transform(vec4(load1(base + class_id)));
                let b = target_weights(vec4(1.0), t.count, vec4(class_id));
                own.z += b.x;
                own.w += weighted_gap(b, top - u, u).x;
            }
        }
    }
    own.y += bad_entries;
    let total = team_sum(own);
    let bad = total.y >= 1e6;
    var r = row_finish(top, vec4(total.x + (total.y - 1.0)), vec4(total.z), vec4(total.w), t.count);

    if (ARGMAX) {
        let best = team_max(max(max(s.best.x, s.best.y), max(s.best.z, s.best.w)));
        let candidates = select(vec4(0xffffffffu), s.best_at, s.best == vec4(best));
        var winner = team_min(min(min(candidates.x, candidates.y), min(candidates.z, candidates.w)));
        let readable = live && !bad && !is_nan(r.poison).x;
        winner = select(0xffffffffu, winner, readable);
        if (CORRECT) {
            // A row is right where its highest class is true, or has the row's greatest target.
            var greatest = 1.0;
            var at_winner = 0.0;
            if (SPARSE && readable) {
                for (var entry = rank; entry < listed_count(t, 0u); entry += team_size) {
                    at_winner += select(0.0, 1.0, listed_class(t, 0u, entry) == winner);
                }
            }
            if (!SPARSE) {
                var again = t;
                greatest = 0.0;
                if (readable) {
                    for (var c = 4u * rank; c < classes; c += 4u * team_size) {
                        let here = vec4(c) + IOTA;
                        let values = select(vec4(0.0), target_values(&again, here, dense + c), here < vec4(classes));
                        greatest = max(greatest, max(max(values.x, values.y), max(values.z, values.w)));
                        at_winner += fold(select(vec4(0.0), values, here == vec4(winner)));
                    }
                }
                greatest = team_max(greatest);
            }
            at_winner = team_sum(vec4(at_winner, 0.0, 0.0, 0.0)).x;
            if (rank == 0u && readable && greatest > 0.0 && at_winner == greatest) {
                count_correct();
            }
        }
        if (rank == 0u && exists) {
            put_argmax(index, winner);
        }
    }

    if (!exists) {
        return;
    }
    if (rank == 0u) {
        let ignored = t.state.x == IGNORED;
        let wrong = t.state.x == BAD || bad;
        put_loss(index, select(select(r.loss.x, nan().x, wrong), 0.0, ignored));
        put_lse(index, select(select(0.0, r.lse.x, live && !bad), 0.0, ignored));
        if (live && is_nan(r.poison).x) {
            count_outside(index);
        }
    }
    if (!GRAD) {
        return;
    }
    let out = params.grad_at + row * params.grad_stride;
    if (!live || bad) {
        if (has_head) {
            store_some(out + head - 4u, vec4(0.0), vec4(head - 4u) + IOTA < vec4(classes));
        }
        for (var c = head + 4u * rank; c < body_end; c += 4u * team_size) {
            store4(out + c, vec4(0.0));
        }
        if (has_tail) {
            store_some(out + body_end, vec4(0.0), vec4(body_end) + IOTA < vec4(classes));
        }
        return;
    }
    r.scale *= scalars.grad_scale * upstream_at(index);
    seeker = t;
    if (has_head) {
        write_edge(r, &seeker, head - 4u, base, dense, out);
    }
    for (var c = head + 4u * rank; c < body_end; c += 4u * team_size) {
        let here = vec4(c) + IOTA;
        let b = target_weights(target_values(&seeker, here, dense + c), t.count, here);
        store4(out + c, gradient(r, load4(base + c), b));
    }
    if (has_tail) {
        write_edge(r, &seeker, body_end, base, dense, out);
    }
}

fn fold(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

fn sweep_weights(t: ptr<function, Target>, classes: vec4<u32>, i: u32) -> vec4<f32> {
    if (!gathers_targets()) {
        return vec4(0.0);
    }
    return target_weights(target_values(t, classes, i), (*t).count, classes);
}

// A quad that is only partly in the row; class `c` may be below 0, which wraps.
fn add_edge(s: Stats, t: ptr<function, Target>, c: u32, base: u32, dense: u32) -> Stats {
    let here = vec4(c) + IOTA;
    let more = stats_add(s, load4(base + c), sweep_weights(t, here, dense + c), here);
    return stats_choose(s, more, here < vec4(params.classes));
}

fn write_edge(r: Row, t: ptr<function, Target>, c: u32, base: u32, dense: u32, out: u32) {
    let here = vec4(c) + IOTA;
    let b = target_weights(target_values(t, here, dense + c), (*t).count, here);
    store_some(out + c, gradient(r, load4(base + c), b), here < vec4(params.classes));
}
