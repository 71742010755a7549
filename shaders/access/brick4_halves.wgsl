// Bricks of four quads of 16-bit elements.

const BRICK = 4u; // quads
alias Brick = vec4<u64>;

fn quads_of(brick: Brick) -> array<vec4<f32>, BRICK> {
    return array<vec4<f32>, BRICK>(
        unpack_quad(halves_of(brick.x)),
        unpack_quad(halves_of(brick.y)),
        unpack_quad(halves_of(brick.z)),
        unpack_quad(halves_of(brick.w)),
    );
}

fn brick_of(quads: array<vec4<f32>, BRICK>) -> Brick {
    return vec4(
        word_of(pack_quad(quads[0])),
        word_of(pack_quad(quads[1])),
        word_of(pack_quad(quads[2])),
        word_of(pack_quad(quads[3])),
    );
}
