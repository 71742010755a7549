// Scores whose class axis is not innermost: neighbours in memory are other rows. One thread takes LANES rows that lie
// side by side, one in each lane of its vectors, down the classes.

override SPLIT: bool = false;
override GRAD: bool = true;
override CORRECT: bool = false;

const ROWWISE = false;

fn do_group(group: u32) {
    let tiles = (params.inner + LANES - 1u) / LANES;
    let id = interleave(group * teams + team);
    let n = id / tiles;
    if (n < params.rows / params.inner) {
        do_tile(tile_at(n, id % tiles * LANES));
    }
}

// Rows (n, d), (n, d + 1), …, as far as they exist.
fn tile_at(n: u32, d: u32) -> RowTile {
    var s: RowTile;
    s.exists = (vec4(d) + IOTA < vec4(params.inner)) & (IOTA < vec4(LANES));
    let row = params.first_row + n * params.inner + d;
    s.rows = select(vec4(row), vec4(row) + IOTA, s.exists);
    s.scores = params.scores_at + n * params.scores_stride + d;
    s.grad = params.grad_at + n * params.grad_stride + d;
    s.dense = params.dense_at + n * params.dense_stride + d;
    s.first = params.first_class;
    s.classes = params.classes;
    return s;
}

// Where the score of a class lies, in the row of lane k.
fn score_at(s: RowTile, class_id: u32, k: u32) -> u32 {
    return s.scores + (class_id - s.first) * params.inner + k;
}

fn whole_row(split: RowTile) -> RowTile {
    return split;
}

fn count_targets(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    var count = vec4(0.0);
    for (var c = 0u; c < s.classes; c++) {
        count += target_values(t, vec4(s.first + c), s.dense + c * params.inner);
    }
    return count;
}

fn accumulate_row(s: RowTile, t: ptr<function, Target>) -> RowState {
    var row_state = row_state_start();
    for (var c = 0u; c < s.classes; c++) {
        let x = load4(s.scores + c * params.inner);
        row_state = row_state_add(row_state, x, gathered_weights(s, t, c), vec4(s.first + c));
    }
    return row_state;
}

// B of class c in each row.
fn weights_at(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    let here = vec4(s.first + c);
    return target_weights(target_values(t, here, s.dense + c * params.inner), (*t).count, here);
}

fn write_gradients(s: RowTile, t: ptr<function, Target>, r: FinishedRow, good: vec4<bool>) {
    let plain = has_gradient(r, good);
    let blank = blank_gradient(r, good);
    for (var c = 0u; c < s.classes; c++) {
        var g = blank;
        if (any(plain)) {
            let x = load4(s.scores + c * params.inner);
            g = select(g, gradient(r, x, weights_at(s, t, c), vec4(s.first + c)), plain);
        }
        if (all(s.exists)) {
            store4(s.grad + c * params.inner, g);
        } else {
            store_some(s.grad + c * params.inner, g, s.exists);
        }
    }
}

// Each row's target at its winner, and its greatest.
fn find_winner(s: RowTile, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
    var at_winner = vec4(0.0);
    var greatest = vec4(0.0);
    if (needed) {
        for (var c = 0u; c < s.classes; c++) {
            let values = target_values(t, vec4(s.first + c), s.dense + c * params.inner);
            greatest = max(greatest, values);
            at_winner = select(at_winner, values, winner == vec4(s.first + c));
        }
    }
    return array<vec4<f32>, 2>(at_winner, greatest);
}
