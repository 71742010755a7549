// Bricks of two quads of 16-bit elements.

const BRICK = 2u; // quads
alias Brick = vec2<u64>;

fn quads_of(brick: Brick) -> array<vec4<f32>, BRICK> {
    return array<vec4<f32>, BRICK>(unpack_quad(halves_of(brick.x)), unpack_quad(halves_of(brick.y)));
}

fn brick_of(quads: array<vec4<f32>, BRICK>) -> Brick {
    return vec2(word_of(pack_quad(quads[0])), word_of(pack_quad(quads[1])));
}
