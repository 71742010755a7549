// Rows may begin or end within a vector: the vectors at a row's ends are taken by rank 0 alone.

const PEELED = true;

fn has_head(s: RowTile) -> bool {
    return rank == 0u && s.head != 0u;
}

fn has_tail(s: RowTile) -> bool {
    return rank == 0u && s.body_end < s.classes;
}

fn count_head(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    if (has_head(s)) {
        return some_values(s, t, s.head - 4u);
    }
    return vec4(0.0);
}

fn count_tail(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    if (has_tail(s)) {
        return some_values(s, t, s.body_end);
    }
    return vec4(0.0);
}

fn add_head(row_state: RowState, s: RowTile, t: ptr<function, Target>) -> RowState {
    if (has_head(s)) {
        return add_edge(row_state, s, t, s.head - 4u);
    }
    return row_state;
}

fn add_tail(row_state: RowState, s: RowTile, t: ptr<function, Target>) -> RowState {
    if (has_tail(s)) {
        return add_edge(row_state, s, t, s.body_end);
    }
    return row_state;
}

fn add_edge(row_state: RowState, s: RowTile, t: ptr<function, Target>, c: u32) -> RowState {
    let more = row_state_add(row_state, load4(s.scores + c), gathered_weights(s, t, c), numbers(s, c));
    return row_state_select(row_state, more, in_tile(s, c));
}

// The gradient of what lies before the first whole vector, and behind the last.
fn write_head(s: RowTile, t: ptr<function, Target>, r: FinishedRow) {
    if (has_head(s)) {
        write_edge(s, t, r, s.head - 4u);
    }
}

fn write_tail(s: RowTile, t: ptr<function, Target>, r: FinishedRow) {
    if (has_tail(s)) {
        write_edge(s, t, r, s.body_end);
    }
}

fn write_edge(s: RowTile, t: ptr<function, Target>, r: FinishedRow, c: u32) {
    store_some(s.grad + c, gradient_at(s, t, r, c, load4(s.scores + c)), in_tile(s, c));
}

// The same value into both.
fn write_edges(s: RowTile, value: vec4<f32>) {
    if (has_head(s)) {
        store_some(s.grad + s.head - 4u, value, in_tile(s, s.head - 4u));
    }
    if (has_tail(s)) {
        store_some(s.grad + s.body_end, value, in_tile(s, s.body_end));
    }
}

// Which elements of the vector before the first whole one, and of the one behind the last, rank 0 takes.
fn in_head(s: RowTile) -> vec4<bool> {
    return in_tile(s, s.head - 4u) & vec4(has_head(s));
}

fn in_tail(s: RowTile) -> vec4<bool> {
    return in_tile(s, s.body_end) & vec4(has_tail(s));
}
