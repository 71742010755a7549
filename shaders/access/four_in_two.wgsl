// Four quads of an invocation in two bricks, `step` elements apart.

fn load_four(i: u32, step: u32) -> array<vec4<f32>, 4> {
    let first = load_brick(i);
    let second = load_brick(i + step);
    return array<vec4<f32>, 4>(first[0], first[1], second[0], second[1]);
}

fn store_four(i: u32, step: u32, quads: array<vec4<f32>, 4>) {
    store_brick(i, array<vec4<f32>, BRICK>(quads[0], quads[1]));
    store_brick(i + step, array<vec4<f32>, BRICK>(quads[2], quads[3]));
}
