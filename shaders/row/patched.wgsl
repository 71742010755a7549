// The gradient is first written as if no class were true; then the vectors that hold true classes are written once more,
// each by the invocation that wrote it before. Not over the scores: what is patched is read again.

fn gradient_at(s: RowTile, t: ptr<function, Target>, r: FinishedRow, c: u32, x: vec4<f32>) -> vec4<f32> {
    return false_gradient(r, x, numbers(s, c));
}

// Lists ascend: the classes of a vector follow one another.
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
        let g = gradient(r, load4(s.scores + vector), b, numbers(s, vector));
        if (in_body) {
            store4(s.grad + vector, g);
        } else {
            store_some(s.grad + vector, g, in_tile(s, vector));
        }
    }
}

// The invocation that takes a vector of the body.
fn owner_of(s: RowTile, vector: u32) -> u32 {
    let among_fours = vector >= s.wide_begin && vector < s.rest;
    let loose = vector - select(0u, s.rest - s.wide_begin, vector >= s.rest) - s.head;
    return select(loose / 4u, (vector - s.wide_begin) / (4u * VECTORS_PER_LOAD), among_fours) % team_size;
}
