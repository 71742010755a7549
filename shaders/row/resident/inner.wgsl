// Rows that a team holds in registers. Masks, which count for nothing, stand for what lies outside of the row.

fn resident_numbers(s: RowTile, c: u32) -> vec4<u32> {
    return numbers(s, c);
}

fn resident_weights(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return weights_at(s, t, c);
}

// A vector of the body, which lies in the row as a whole or not at all.
fn in_body(s: RowTile, c: u32) -> vec4<bool> {
    return vec4(c < s.body_end);
}

fn resident_load(s: RowTile, c: u32, inside: vec4<bool>) -> vec4<f32> {
    return select(-infinity(), load4(s.scores + select(s.head, c, any(inside))), inside);
}

fn resident_store(s: RowTile, c: u32, g: vec4<f32>, inside: vec4<bool>) {
    if (all(inside)) {
        store4(s.grad + c, g);
    } else if (any(inside)) {
        store_some(s.grad + c, g, inside);
    }
}

// All vectors of the body are held: none is left over.
fn fours_end(s: RowTile) -> u32 {
    return s.body_end;
}
