// Gradients by bricks.

@group(0) @binding(3) var<storage, read_write> grad: array<Brick>;

fn store_brick(i: u32, quads: array<vec4<f32>, BRICK>) {
    grad[i / (4u * BRICK)] = brick_of(quads);
}
