// b is stored with the columns of out innermost: each line is one step of the depth.

// Four columns of out at each of four steps of the depth: a step a column of the matrix.
fn block_of_b(first: u32, k: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        load_b(k, first, product.depth, product.columns),
        load_b(k + 1u, first, product.depth, product.columns),
        load_b(k + 2u, first, product.depth, product.columns),
        load_b(k + 3u, first, product.depth, product.columns),
    );
}

// Where in its tile an invocation's block lies, columns and steps: neighbours take neighbouring vectors of a line.
fn place_in_b(block: u32) -> vec2<u32> {
    return 4u * vec2(block % (TILE_COLUMNS / 4u), block / (TILE_COLUMNS / 4u));
}
