// Bricks of two quads of f32.

const BRICK = 2u; // quads
alias Brick = vec4<u64>;

fn quads_of(brick: Brick) -> array<vec4<f32>, BRICK> {
    return array<vec4<f32>, BRICK>(floats_of(brick.xy), floats_of(brick.zw));
}

fn brick_of(quads: array<vec4<f32>, BRICK>) -> Brick {
    return vec4(words_of(quads[0]), words_of(quads[1]));
}

fn load4(i: u32) -> vec4<f32> {
    let word = i / 2u % 4u;
    return floats_of(vec2(scores[i / 8u][word], scores[i / 8u][word + 1u]));
}

fn load1(i: u32) -> f32 {
    return bitcast<f32>(halves_of(scores[i / 8u][i / 2u % 4u])[i % 2u]);
}
