// Short rows whose classes lie side by side: one thread takes four of them, which are as many vectors as there are
// classes, and holds them in registers, one row in each lane. The up to three rows behind the last tile are left to the
// row traversal.

override GRAD: bool = true;
override CORRECT: bool = false;

const ROWWISE = false;
const LANES = 4u;
const SPLIT = false;

fn do_group(group: u32) {
    let first = interleave(group * teams + team) * 4u;
    if (first < params.rows) {
        do_tile(tile_at(first));
    }
}

fn tile_at(first: u32) -> RowTile {
    var s: RowTile;
    let rows = vec4(first) + IOTA;
    s.exists = vec4(true);
    s.rows = params.first_row + rows;
    s.scores = params.scores_at + first * RESIDENT_CLASSES;
    s.grad = params.grad_at + first * RESIDENT_CLASSES;
    s.dense = params.dense_at + first * RESIDENT_CLASSES;
    s.classes = RESIDENT_CLASSES;
    return s;
}

// Where the score of a class lies, in the row of lane k.
fn score_at(s: RowTile, class_id: u32, k: u32) -> u32 {
    return s.scores + k * RESIDENT_CLASSES + class_id;
}

fn resident_numbers(s: RowTile, c: u32) -> vec4<u32> {
    return vec4(c);
}

fn resident_values(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_values(t, vec4(c), 0u);
}

fn whole_row(s: RowTile) -> RowTile {
    return s;
}

// M of dense targets, class by class.
fn count_resident(t: ptr<function, Target>, values: vec4<f32>) {
    if (COUNTED) {
        (*t).count += values;
    }
}

// Tiles are not taken in two passes: these are never called.
fn count_targets(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    return vec4(0.0);
}

fn find_winner(s: RowTile, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

fn accumulate_row(s: RowTile, t: ptr<function, Target>) -> RowState {
    return row_state_start();
}

fn write_gradients(s: RowTile, t: ptr<function, Target>, r: FinishedRow, good: vec4<bool>) {}
