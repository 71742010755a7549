// Rows begin and end on vectors.

const PEELED = false;

fn count_head(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    return vec4(0.0);
}

fn count_tail(s: RowTile, t: ptr<function, Target>) -> vec4<f32> {
    return vec4(0.0);
}

fn add_head(row_state: RowState, s: RowTile, t: ptr<function, Target>) -> RowState {
    return row_state;
}

fn add_tail(row_state: RowState, s: RowTile, t: ptr<function, Target>) -> RowState {
    return row_state;
}

fn write_head(s: RowTile, t: ptr<function, Target>, r: FinishedRow) {}

fn write_tail(s: RowTile, t: ptr<function, Target>, r: FinishedRow) {}

fn write_edges(s: RowTile, value: vec4<f32>) {}
