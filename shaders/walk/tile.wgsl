// Short rows whose classes lie side by side: one thread takes four of them, which are as many quads as there are
// classes, and holds them in registers, one row in each lane. The up to three rows behind the last tile are left to the
// row walk.

override GRAD: bool = true;
override ARGMAX: bool = false;
override CORRECT: bool = false;

const ROWWISE = false;
const LANES = 4u;
const SPLIT = false;

fn walk_group(group: u32) {
    let first = spread(group * teams + team) * 4u;
    if (first < params.rows) {
        walk_strip(strip_at(first));
    }
}

fn strip_at(first: u32) -> Strip {
    var s: Strip;
    let rows = vec4(first) + IOTA;
    s.exists = vec4(true);
    s.rows = params.first_row + rows;
    s.scores = params.scores_at + first * HELD_CLASSES;
    s.grad = params.grad_at + first * HELD_CLASSES;
    s.dense = params.dense_at + first * HELD_CLASSES;
    s.classes = HELD_CLASSES;
    return s;
}

// Where the score of a class lies, in the row of lane k.
fn score_at(s: Strip, class_id: u32, k: u32) -> u32 {
    return s.scores + k * HELD_CLASSES + class_id;
}

fn patches_held() -> bool {
    return false;
}

fn held_numbers(s: Strip, c: u32) -> vec4<u32> {
    return vec4(c);
}

fn held_values(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_values(t, vec4(c), 0u);
}

fn whole_row(s: Strip) -> Strip {
    return s;
}

// M of dense targets, class by class.
fn count_held(t: ptr<function, Target>, values: vec4<f32>) {
    if (COUNTED) {
        (*t).count += values;
    }
}

// Tiles are not swept: these are never called.
fn sweep_count(s: Strip, t: ptr<function, Target>) -> vec4<f32> {
    return vec4(0.0);
}

fn sweep_winner(s: Strip, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(0.0), vec4(0.0));
}

fn sweep_statistics(s: Strip, t: ptr<function, Target>) -> Stats {
    return stats_start();
}

fn sweep_gradient(s: Strip, t: ptr<function, Target>, r: Row, good: vec4<bool>) {}
