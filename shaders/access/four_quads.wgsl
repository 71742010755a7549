// Four quads of an invocation, each by itself, `step` elements apart.

const BRICK = 1u; // quads that lie side by side

fn load_four(i: u32, step: u32) -> array<vec4<f32>, 4> {
    return array<vec4<f32>, 4>(load4(i), load4(i + step), load4(i + 2u * step), load4(i + 3u * step));
}

fn store_four(i: u32, step: u32, quads: array<vec4<f32>, 4>) {
    store4(i, quads[0]);
    store4(i + step, quads[1]);
    store4(i + 2u * step, quads[2]);
    store4(i + 3u * step, quads[3]);
}
