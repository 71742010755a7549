// Rows whose classes lie side by side: a team takes a row by quads. Where rows do not begin on a quad (PEELED), the
// quads at a row's ends are taken by rank 0 alone, and the BUNDLE of rows that may share quads is walked by one team,
// one after another.

override PEELED: bool = false;
override BUNDLE: u32 = 1u;
override TASKS_PER_GROUP: u32 = 1u;
override SPLIT: bool = false;  // classes are a slice, or the row is cut into parts
override GRAD: bool = true;
override ARGMAX: bool = false;
override CORRECT: bool = false;

const ROWWISE = true;
const LANES = 1u;

// `group` is a parameter, not a variable: only so is it known to be the same in all invocations.
fn walk_group(group: u32) {
    for (var k = team; k < TASKS_PER_GROUP; k += teams) {
        let task = group * TASKS_PER_GROUP + k;
        if (SPLIT) {
            walk_strip(strip_at(task / params.parts, task % params.parts));
        } else {
            for (var row = task * BUNDLE; row < task * BUNDLE + BUNDLE; row++) {
                walk_strip(strip_at(row, 0u));
            }
        }
    }
}

fn strip_at(row: u32, part: u32) -> Strip {
    var s: Strip;
    let here = min(row, params.rows - 1u);
    s.rows = vec4(params.first_row + here);
    s.exists = vec4(row < params.rows, false, false, false);
    s.scores = params.scores_at + here * params.scores_stride;
    s.grad = params.grad_at + here * params.grad_stride;
    s.dense = params.dense_at + here * params.dense_stride;
    s.classes = params.classes;
    if (SPLIT) {
        let begin = part * params.part_classes;
        s.part = part;
        s.scores += begin;
        s.grad += begin;
        s.dense += begin;
        s.first = params.first_class + begin;
        s.classes = min(params.part_classes, params.classes - begin);
    }
    return with_quads(s);
}

// Sets where a strip's whole quads lie.
fn with_quads(strip: Strip) -> Strip {
    var s = strip;
    if (PEELED) {
        s.head = (4u - s.scores % 4u) % 4u;
    }
    s.body_end = s.head;
    if (s.classes > s.head) {
        s.body_end += (s.classes - s.head) / 4u * 4u;
    }
    return s;
}

// The row that a strip is part of.
fn whole_row(part: Strip) -> Strip {
    var s = part;
    if (SPLIT) {
        let begin = s.part * params.part_classes;
        s.scores -= begin;
        s.dense -= begin;
        s.first -= begin;
        s.classes = params.classes;
        s = with_quads(s);
    }
    return s;
}

fn has_head(s: Strip) -> bool {
    return PEELED && rank == 0u && s.head != 0u;
}

fn has_tail(s: Strip) -> bool {
    return PEELED && rank == 0u && s.body_end < s.classes;
}

// Where the score of a class lies.
fn score_at(s: Strip, class_id: u32, k: u32) -> u32 {
    return s.scores + (class_id - s.first);
}

// Which classes of a quad at a strip's end are in it; `c` may be below 0, which wraps.
fn in_strip(s: Strip, c: u32) -> vec4<bool> {
    return vec4(c) + IOTA < vec4(s.classes);
}

// The numbers of classes c..c+3 of a strip.
fn numbers(s: Strip, c: u32) -> vec4<u32> {
    return vec4(s.first + c) + IOTA;
}

fn sweep_count(s: Strip, t: ptr<function, Target>) -> vec4<f32> {
    var count = vec4(0.0);
    if (has_head(s)) {
        count += some_values(s, t, s.head - 4u);
    }
    for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
        count += target_values(t, numbers(s, c), s.dense + c);
    }
    if (has_tail(s)) {
        count += some_values(s, t, s.body_end);
    }
    return count;
}

fn some_values(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return select(vec4(0.0), target_values(t, numbers(s, c), s.dense + c), in_strip(s, c));
}

fn sweep_statistics(s: Strip, t: ptr<function, Target>) -> Stats {
    var stats = stats_start();
    if (has_head(s)) {
        stats = add_edge(stats, s, t, s.head - 4u);
    }
    var step = 0u;
    for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
        stats = stats_add(stats, load4(s.scores + c), sweep_weights(s, t, c), numbers(s, c));
        if (gathers_targets()) {
            step += 1u;
            if (step % 64u == 0u) {
                stats = stats_settle(stats);
            }
        }
    }
    if (has_tail(s)) {
        stats = add_edge(stats, s, t, s.body_end);
    }
    return stats;
}

fn add_edge(stats: Stats, s: Strip, t: ptr<function, Target>, c: u32) -> Stats {
    let more = stats_add(stats, load4(s.scores + c), sweep_weights(s, t, c), numbers(s, c));
    return stats_choose(stats, more, in_strip(s, c));
}

fn sweep_weights(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    if (!gathers_targets()) {
        return vec4(0.0);
    }
    return weights_at(s, t, c);
}

// B of classes c..c+3.
fn weights_at(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    let here = numbers(s, c);
    return target_weights(target_values(t, here, s.dense + c), (*t).count, here);
}

fn sweep_gradient(s: Strip, t: ptr<function, Target>, r: Row, good: vec4<bool>) {
    if (!s.exists.x) {
        return;
    }
    if (!good.x) {
        if (has_head(s)) {
            store_some(s.grad + s.head - 4u, vec4(0.0), in_strip(s, s.head - 4u));
        }
        for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
            store4(s.grad + c, vec4(0.0));
        }
        if (has_tail(s)) {
            store_some(s.grad + s.body_end, vec4(0.0), in_strip(s, s.body_end));
        }
        return;
    }
    if (has_head(s)) {
        write_edge(s, t, r, s.head - 4u);
    }
    for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
        store4(s.grad + c, gradient(r, load4(s.scores + c), weights_at(s, t, c)));
    }
    if (has_tail(s)) {
        write_edge(s, t, r, s.body_end);
    }
}

fn write_edge(s: Strip, t: ptr<function, Target>, r: Row, c: u32) {
    let g = gradient(r, load4(s.scores + c), weights_at(s, t, c));
    store_some(s.grad + c, g, in_strip(s, c));
}

// The target at the row's winner, and the greatest.
fn sweep_winner(s: Strip, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
    var at_winner = vec4(0.0);
    var greatest = vec4(0.0);
    if (needed) {
        for (var c = 4u * rank; c < s.classes; c += 4u * team_size) {
            let values = some_values(s, t, c);
            greatest = max(greatest, values);
            at_winner += select(vec4(0.0), values, numbers(s, c) == vec4(winner.x));
        }
    }
    return array<vec4<f32>, 2>(at_winner, greatest);
}
