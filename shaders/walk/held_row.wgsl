// Rows that a team holds in registers. Masks, which count for nothing, stand for what lies outside of the row.

fn patches_held() -> bool {
    return patches_targets();
}

fn held_listed(s: Strip, t: Target, live: vec4<bool>, top: vec4<f32>) -> array<vec4<f32>, 3> {
    return listed_share(s, t, live, top);
}

fn held_numbers(s: Strip, c: u32) -> vec4<u32> {
    return numbers(s, c);
}

fn held_weights(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return weights_at(s, t, c);
}

// A quad of the body, which lies in the row as a whole or not at all.
fn in_body(s: Strip, c: u32) -> vec4<bool> {
    return vec4(c < s.body_end);
}

// A quad at either end, which rank 0 holds.
fn in_head(s: Strip) -> vec4<bool> {
    return in_strip(s, s.head - 4u) & vec4(has_head(s));
}

fn in_tail(s: Strip) -> vec4<bool> {
    return in_strip(s, s.body_end) & vec4(has_tail(s));
}

fn held_load(s: Strip, c: u32, inside: vec4<bool>) -> vec4<f32> {
    return select(-infinity(), load4(s.scores + select(s.head, c, any(inside))), inside);
}

fn held_store(s: Strip, c: u32, g: vec4<f32>, inside: vec4<bool>) {
    if (all(inside)) {
        store4(s.grad + c, g);
    } else if (any(inside)) {
        store_some(s.grad + c, g, inside);
    }
}
