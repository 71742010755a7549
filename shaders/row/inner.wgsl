// Rows whose classes lie side by side: a team takes a row by vectors. The ROWS_PER_TEAM rows that may share vectors are
// taken by one team, one after another.

override MISALIGNED: bool = false; // rows may begin within a wide load
override ROWS_PER_TEAM: u32 = 1u;
override TASKS_PER_GROUP: u32 = 1u;
override ONE_TASK: bool = false; // each team has exactly one of them
override SPLIT: bool = false;  // classes are a slice, or the row is cut into splits
override GRAD: bool = true;
override CORRECT: bool = false;

const ROWWISE = true;
const LANES = 1u;

// `group` is a parameter, not a variable: only so is it known to be the same in all invocations.
fn do_group(group: u32) {
    // A loop of one turn costs a software adapter two: it takes each once more with nobody in it.
    if (ONE_TASK) {
        do_task(interleave(group * TASKS_PER_GROUP + team));
        return;
    }
    for (var k = team; k < TASKS_PER_GROUP; k += teams) {
        do_task(interleave(group * TASKS_PER_GROUP + k));
    }
}

fn do_task(task: u32) {
    if (SPLIT) {
        do_tile(tile_at(task / params.splits, task % params.splits));
        return;
    }
    if (ROWS_PER_TEAM == 1u) {
        do_tile(tile_at(task, 0u));
        return;
    }
    for (var row = task * ROWS_PER_TEAM; row < task * ROWS_PER_TEAM + ROWS_PER_TEAM; row++) {
        do_tile(tile_at(row, 0u));
    }
}

fn tile_at(row: u32, split: u32) -> RowTile {
    var s: RowTile;
    let here = min(row, params.rows - 1u);
    s.rows = vec4(params.first_row + here);
    s.exists = vec4(row < params.rows, false, false, false);
    s.scores = params.scores_at + here * params.scores_stride;
    s.grad = params.grad_at + here * params.grad_stride;
    s.dense = params.dense_at + here * params.dense_stride;
    s.classes = params.classes;
    if (SPLIT) {
        let begin = split * params.split_classes;
        s.split = split;
        s.scores += begin;
        s.grad += begin;
        s.dense += begin;
        s.first = params.first_class + begin;
        s.classes = min(params.split_classes, params.classes - begin);
    }
    return with_vectors(s);
}

// Sets where a tile's whole vectors lie.
fn with_vectors(tile: RowTile) -> RowTile {
    var s = tile;
    if (PEELED) {
        s.head = (4u - s.scores % 4u) % 4u;
    }
    s.body_end = s.head;
    if (s.classes > s.head) {
        s.body_end += (s.classes - s.head) / 4u * 4u;
    }
    s.wide_begin = s.head;
    if (MISALIGNED) {
        s.wide_begin = min(s.head + (0u - (s.scores + s.head)) % (4u * VECTORS_PER_LOAD), s.body_end);
    }
    s.rest = fours_end(s);
    return s;
}

// The row that a tile is part of.
fn whole_row(split: RowTile) -> RowTile {
    var s = split;
    if (SPLIT) {
        let begin = s.split * params.split_classes;
        s.scores -= begin;
        s.dense -= begin;
        s.first -= begin;
        s.classes = params.classes;
        s = with_vectors(s);
    }
    return s;
}

// Where the score of a class lies.
fn score_at(s: RowTile, class_id: u32, k: u32) -> u32 {
    return s.scores + (class_id - s.first);
}

// Which classes of a vector at a tile's end are in it; `c` may be below 0, which wraps.
fn in_tile(s: RowTile, c: u32) -> vec4<bool> {
    return vec4(c) + IOTA < vec4(s.classes);
}

// The numbers of classes c..c+3 of a tile.
fn numbers(s: RowTile, c: u32) -> vec4<u32> {
    return vec4(s.first + c) + IOTA;
}

fn count_targets(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    var count = count_head(s, t);
    for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
        count += target_values(t, numbers(s, c), s.dense + c);
    }
    return count + count_tail(s, t);
}

fn some_values(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return select(vec4(0.0), target_values(t, numbers(s, c), s.dense + c), in_tile(s, c));
}

fn accumulate_row(s: RowTile, t: ptr<function, Target>) -> RowState {
    var row_state = add_head(row_state_start(), s, t);
    for (var c = first_load(s); c < s.rest; c += 16u * team_size) {
        let at = four_from(c);
        let b = array<vec4<f32>, 4>(
            gathered_weights(s, t, at.x),
            gathered_weights(s, t, at.y),
            gathered_weights(s, t, at.z),
            gathered_weights(s, t, at.w),
        );
        row_state = row_state_add_four(row_state, load_four(s.scores + c, load_step()), b, vec4(s.first) + at);
    }
    for (var k = rank; k < tail_vectors(s); k += team_size) {
        let c = tail_vector(s, k);
        row_state = row_state_add(row_state, load4(s.scores + c), gathered_weights(s, t, c), numbers(s, c));
    }
    return add_tail(row_state, s, t);
}

// The first wide load of this invocation.
fn first_load(s: RowTile) -> u32 {
    return s.wide_begin + 4u * VECTORS_PER_LOAD * rank;
}

// Vectors of the body that are not among those which all invocations take four at once: before the first wide load, and
// behind the last four.
fn tail_vectors(s: RowTile) -> u32 {
    return (s.wide_begin - s.head + s.body_end - s.rest) / 4u;
}

fn tail_vector(s: RowTile, k: u32) -> u32 {
    let c = s.head + 4u * k;
    return select(c + (s.rest - s.wide_begin), c, c < s.wide_begin);
}

// B of classes c..c+3.
fn weights_at(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    let here = numbers(s, c);
    return target_weights(target_values(t, here, s.dense + c), (*t).count, here);
}

fn write_gradients(s: RowTile, t: ptr<function, Target>, r: FinishedRow, good: vec4<bool>) {
    if (!s.exists.x) {
        return;
    }
    if (!has_gradient(r, good).x) {
        write_blank(s, blank_gradient(r, good).x);
        return;
    }
    write_head(s, t, r);
    for (var c = first_load(s); c < s.rest; c += 16u * team_size) {
        let at = four_from(c);
        let x = load_four(s.scores + c, load_step());
        let g = array<vec4<f32>, 4>(
            gradient_at(s, t, r, at.x, x[0]),
            gradient_at(s, t, r, at.y, x[1]),
            gradient_at(s, t, r, at.z, x[2]),
            gradient_at(s, t, r, at.w, x[3]),
        );
        store_four(s.grad + c, load_step(), g);
    }
    for (var k = rank; k < tail_vectors(s); k += team_size) {
        let c = tail_vector(s, k);
        store4(s.grad + c, gradient_at(s, t, r, c, load4(s.scores + c)));
    }
    write_tail(s, t, r);
    patch_gradient(s, *t, r);
}

// The same value everywhere.
fn write_blank(s: RowTile, blank: f32) {
    write_edges(s, vec4(blank));
    for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
        store4(s.grad + c, vec4(blank));
    }
}

// The target at the row's winner, and the greatest.
fn find_winner(s: RowTile, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
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
