// The losses before reduction: one a row, or one an element.

@group(0) @binding(8) var<storage, read_write> losses: array<f32>;

fn put_loss(i: u32, value: f32) {
    losses[i] = value;
}
