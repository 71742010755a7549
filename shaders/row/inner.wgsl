// Rows whose classes lie side by side: a team takes a row by vectors. Where rows do not begin on a vector (PEELED), the
// vectors at a row's ends are taken by rank 0 alone, and the ROWS_PER_TEAM of rows that may share vectors is taken by one team,
// one after another.

override PEELED: bool = false;
override MISALIGNED: bool = false; // rows may begin within a wide
override ROWS_PER_TEAM: u32 = 1u;
override TASKS_PER_GROUP: u32 = 1u;
override ONE_TASK: bool = false; // each team has exactly one of them
override SPLIT: bool = false;  // classes are a slice, or the row is cut into splits
override GRAD: bool = true;
override ARGMAX: bool = false;
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
    s.rest = s.body_end;
    if (!RESIDENT) {
        s.rest = s.wide_begin + (s.body_end - s.wide_begin) / (16u * team_size) * (16u * team_size);
    }
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

fn has_head(s: RowTile) -> bool {
    return PEELED && rank == 0u && s.head != 0u;
}

fn has_tail(s: RowTile) -> bool {
    return PEELED && rank == 0u && s.body_end < s.classes;
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

fn some_values(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return select(vec4(0.0), target_values(t, numbers(s, c), s.dense + c), in_tile(s, c));
}

fn accumulate_row(s: RowTile, t: ptr<function, Target>) -> RowState {
    var row_state = row_state_start();
    if (has_head(s)) {
        row_state = add_edge(row_state, s, t, s.head - 4u);
    }
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
    if (has_tail(s)) {
        row_state = add_edge(row_state, s, t, s.body_end);
    }
    return row_state;
}

// The first wide of this invocation.
fn first_load(s: RowTile) -> u32 {
    return s.wide_begin + 4u * VECTORS_PER_LOAD * rank;
}

// Quads of the body that are not among those which all invocations take four at once: before the first wide, and behind
// the last four.
fn tail_vectors(s: RowTile) -> u32 {
    return (s.wide_begin - s.head + s.body_end - s.rest) / 4u;
}

fn tail_vector(s: RowTile, k: u32) -> u32 {
    let c = s.head + 4u * k;
    return select(c + (s.rest - s.wide_begin), c, c < s.wide_begin);
}

// The invocation that takes a vector of the body.
fn owner_of(s: RowTile, vector: u32) -> u32 {
    let among_fours = vector >= s.wide_begin && vector < s.rest;
    let loose = vector - select(0u, s.rest - s.wide_begin, vector >= s.rest) - s.head;
    return select(loose / 4u, (vector - s.wide_begin) / (4u * VECTORS_PER_LOAD), among_fours) % team_size;
}

fn add_edge(row_state: RowState, s: RowTile, t: ptr<function, Target>, c: u32) -> RowState {
    let more = row_state_add(row_state, load4(s.scores + c), gathered_weights(s, t, c), numbers(s, c));
    return row_state_select(row_state, more, in_tile(s, c));
}

fn gathered_weights(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    if (!gathers_targets()) {
        return vec4(0.0);
    }
    return weights_at(s, t, c);
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
    if (!good.x) {
        if (has_head(s)) {
            store_some(s.grad + s.head - 4u, vec4(0.0), in_tile(s, s.head - 4u));
        }
        for (var c = s.head + 4u * rank; c < s.body_end; c += 4u * team_size) {
            store4(s.grad + c, vec4(0.0));
        }
        if (has_tail(s)) {
            store_some(s.grad + s.body_end, vec4(0.0), in_tile(s, s.body_end));
        }
        return;
    }
    if (has_head(s)) {
        write_edge(s, t, r, s.head - 4u);
    }
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
    if (has_tail(s)) {
        write_edge(s, t, r, s.body_end);
    }
    if (patches_targets()) {
        patch_gradient(s, *t, r);
    }
}

fn write_edge(s: RowTile, t: ptr<function, Target>, r: FinishedRow, c: u32) {
    store_some(s.grad + c, gradient_at(s, t, r, c, load4(s.scores + c)), in_tile(s, c));
}

// The gradient of classes c..c+3; true classes have theirs later where they are patched in.
fn gradient_at(s: RowTile, t: ptr<function, Target>, r: FinishedRow, c: u32, x: vec4<f32>) -> vec4<f32> {
    if (patches_targets()) {
        return false_gradient(r, x);
    }
    return gradient(r, x, weights_at(s, t, c));
}

// Writes the vectors that hold true classes once more, each by the invocation that wrote it before. Lists ascend: the classes
// of a vector follow one another.
fn patch_gradient(s: RowTile, t: Target, r: FinishedRow) {
    if (SINGLE) {
        let c = listed_class(t, 0u, 0u) - s.first;
        let vector = vector_around(s, c);
        patch_vector(s, t, r, vector, truth_at(s, vector, c));
        return;
    }
    let entries = listed_count(t, 0u);
    var vector = NO_VECTOR;
    var truth = vec4(0.0);
    for (var entry = 0u; entry <= entries; entry++) {
        var c = 0u;
        var next = NO_VECTOR;
        if (entry < entries) {
            c = listed_class(t, 0u, entry) - s.first;
            next = vector_around(s, c);
        }
        if (next != vector) {
            patch_vector(s, t, r, vector, truth);
            vector = next;
            truth = vec4(0.0);
        }
        truth += truth_at(s, vector, c);
    }
}

const NO_VECTOR = 0x7fffffffu;

// Where the vector with class c of a tile begins, if it is in the tile; below 0, which wraps, at its head.
fn vector_around(s: RowTile, c: u32) -> u32 {
    let vector = select(s.head + (c - s.head) / 4u * 4u, s.head - 4u, c < s.head);
    return select(NO_VECTOR, vector, !SPLIT || c < s.classes);
}

// 1 at class c of a vector.
fn truth_at(s: RowTile, vector: u32, c: u32) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), vec4(vector) + IOTA == vec4(c));
}

fn patch_vector(s: RowTile, t: Target, r: FinishedRow, vector: u32, truth: vec4<f32>) {
    let in_body = vector >= s.head && vector < s.body_end;
    let owner = select(0u, owner_of(s, vector), in_body);
    if (rank == owner && vector != NO_VECTOR && (in_body || PEELED)) {
        let b = target_weights(truth, t.count, numbers(s, vector));
        let g = gradient(r, load4(s.scores + vector), b);
        if (in_body) {
            store4(s.grad + vector, g);
        } else {
            store_some(s.grad + vector, g, in_tile(s, vector));
        }
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
