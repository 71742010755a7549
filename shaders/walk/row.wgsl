// Rows whose classes lie side by side: a team takes a row by quads. Where rows do not begin on a quad (PEELED), the
// quads at a row's ends are taken by rank 0 alone, and the BUNDLE of rows that may share quads is walked by one team,
// one after another.

override PEELED: bool = false;
override RAGGED: bool = false; // rows may begin within a brick
override BUNDLE: u32 = 1u;
override TASKS_PER_GROUP: u32 = 1u;
override ONE_TASK: bool = false; // each team has exactly one of them
override SPLIT: bool = false;  // classes are a slice, or the row is cut into parts
override GRAD: bool = true;
override ARGMAX: bool = false;
override CORRECT: bool = false;

const ROWWISE = true;
const LANES = 1u;

// `group` is a parameter, not a variable: only so is it known to be the same in all invocations.
fn walk_group(group: u32) {
    // A loop of one turn costs a software adapter two: it takes each once more with nobody in it.
    if (ONE_TASK) {
        walk_task(spread(group * TASKS_PER_GROUP + team));
        return;
    }
    for (var k = team; k < TASKS_PER_GROUP; k += teams) {
        walk_task(spread(group * TASKS_PER_GROUP + k));
    }
}

fn walk_task(task: u32) {
    if (SPLIT) {
        walk_strip(strip_at(task / params.parts, task % params.parts));
        return;
    }
    if (BUNDLE == 1u) {
        walk_strip(strip_at(task, 0u));
        return;
    }
    for (var row = task * BUNDLE; row < task * BUNDLE + BUNDLE; row++) {
        walk_strip(strip_at(row, 0u));
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
    s.bricks = s.head;
    if (RAGGED) {
        s.bricks = min(s.head + (0u - (s.scores + s.head)) % (4u * BRICK), s.body_end);
    }
    s.rest = s.body_end;
    if (!HOLDS) {
        s.rest = s.bricks + (s.body_end - s.bricks) / (16u * team_size) * (16u * team_size);
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
    for (var c = first_brick(s); c < s.rest; c += 16u * team_size) {
        let at = four_from(c);
        let b = array<vec4<f32>, 4>(
            sweep_weights(s, t, at.x),
            sweep_weights(s, t, at.y),
            sweep_weights(s, t, at.z),
            sweep_weights(s, t, at.w),
        );
        stats = stats_add_four(stats, load_four(s.scores + c, brick_step()), b, vec4(s.first) + at);
    }
    for (var k = rank; k < loose_quads(s); k += team_size) {
        let c = loose_quad(s, k);
        stats = stats_add(stats, load4(s.scores + c), sweep_weights(s, t, c), numbers(s, c));
    }
    if (has_tail(s)) {
        stats = add_edge(stats, s, t, s.body_end);
    }
    return stats;
}

// The first brick of this invocation.
fn first_brick(s: Strip) -> u32 {
    return s.bricks + 4u * BRICK * rank;
}

// Quads of the body that are not among those which all invocations take four at once: before the first brick, and behind
// the last four.
fn loose_quads(s: Strip) -> u32 {
    return (s.bricks - s.head + s.body_end - s.rest) / 4u;
}

fn loose_quad(s: Strip, k: u32) -> u32 {
    let c = s.head + 4u * k;
    return select(c + (s.rest - s.bricks), c, c < s.bricks);
}

// The invocation that takes a quad of the body.
fn owner_of(s: Strip, quad: u32) -> u32 {
    let among_fours = quad >= s.bricks && quad < s.rest;
    let loose = quad - select(0u, s.rest - s.bricks, quad >= s.rest) - s.head;
    return select(loose / 4u, (quad - s.bricks) / (4u * BRICK), among_fours) % team_size;
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
    for (var c = first_brick(s); c < s.rest; c += 16u * team_size) {
        let at = four_from(c);
        let x = load_four(s.scores + c, brick_step());
        let g = array<vec4<f32>, 4>(
            gradient_at(s, t, r, at.x, x[0]),
            gradient_at(s, t, r, at.y, x[1]),
            gradient_at(s, t, r, at.z, x[2]),
            gradient_at(s, t, r, at.w, x[3]),
        );
        store_four(s.grad + c, brick_step(), g);
    }
    for (var k = rank; k < loose_quads(s); k += team_size) {
        let c = loose_quad(s, k);
        store4(s.grad + c, gradient_at(s, t, r, c, load4(s.scores + c)));
    }
    if (has_tail(s)) {
        write_edge(s, t, r, s.body_end);
    }
    if (patches_targets()) {
        patch_gradient(s, *t, r);
    }
}

fn write_edge(s: Strip, t: ptr<function, Target>, r: Row, c: u32) {
    store_some(s.grad + c, gradient_at(s, t, r, c, load4(s.scores + c)), in_strip(s, c));
}

// The gradient of classes c..c+3; true classes have theirs later where they are patched in.
fn gradient_at(s: Strip, t: ptr<function, Target>, r: Row, c: u32, x: vec4<f32>) -> vec4<f32> {
    if (patches_targets()) {
        return false_gradient(r, x);
    }
    return gradient(r, x, weights_at(s, t, c));
}

// Writes the quads that hold true classes once more, each by the invocation that wrote it before. Lists ascend: the classes
// of a quad follow one another.
fn patch_gradient(s: Strip, t: Target, r: Row) {
    if (SINGLE) {
        let c = listed_class(t, 0u, 0u) - s.first;
        let quad = quad_around(s, c);
        patch_quad(s, t, r, quad, truth_at(s, quad, c));
        return;
    }
    let entries = listed_count(t, 0u);
    var quad = NO_QUAD;
    var truth = vec4(0.0);
    for (var entry = 0u; entry <= entries; entry++) {
        var c = 0u;
        var next = NO_QUAD;
        if (entry < entries) {
            c = listed_class(t, 0u, entry) - s.first;
            next = quad_around(s, c);
        }
        if (next != quad) {
            patch_quad(s, t, r, quad, truth);
            quad = next;
            truth = vec4(0.0);
        }
        truth += truth_at(s, quad, c);
    }
}

const NO_QUAD = 0x7fffffffu;

// Where the quad with class c of a strip begins, if it is in the strip; below 0, which wraps, at its head.
fn quad_around(s: Strip, c: u32) -> u32 {
    let quad = select(s.head + (c - s.head) / 4u * 4u, s.head - 4u, c < s.head);
    return select(NO_QUAD, quad, !SPLIT || c < s.classes);
}

// 1 at class c of a quad.
fn truth_at(s: Strip, quad: u32, c: u32) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), vec4(quad) + IOTA == vec4(c));
}

fn patch_quad(s: Strip, t: Target, r: Row, quad: u32, truth: vec4<f32>) {
    let in_body = quad >= s.head && quad < s.body_end;
    let owner = select(0u, owner_of(s, quad), in_body);
    if (rank == owner && quad != NO_QUAD && (in_body || PEELED)) {
        let b = target_weights(truth, t.count, numbers(s, quad));
        let g = gradient(r, load4(s.scores + quad), b);
        if (in_body) {
            store4(s.grad + quad, g);
        } else {
            store_some(s.grad + quad, g, in_strip(s, quad));
        }
    }
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
