// a is stored with the rows of out innermost: each line is one step of the depth.

// Four rows of out at each of four steps of the depth: a step a column of the matrix.
fn block_of_a(first: u32, k: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        load_a(k, first, product.depth, product.rows),
        load_a(k + 1u, first, product.depth, product.rows),
        load_a(k + 2u, first, product.depth, product.rows),
        load_a(k + 3u, first, product.depth, product.rows),
    );
}

// Where in its tile an invocation's block lies, rows and steps: neighbours take neighbouring vectors of a line.
fn place_in_a(block: u32) -> vec2<u32> {
    return 4u * vec2(block % (TILE_ROWS / 4u), block / (TILE_ROWS / 4u));
}
