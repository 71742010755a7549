// What each split of a row knows of its true class: u there, −∞ where it is not in the split's rows, and how many classes
// of the split go before it.

@group(0) @binding(24) var<storage, read_write> true_parts: array<vec2<f32>>;

fn put_true_part(i: u32, u: f32, ahead: f32) {
    true_parts[i] = vec2(u, ahead);
}

fn true_part(i: u32) -> vec2<f32> {
    return true_parts[i];
}
