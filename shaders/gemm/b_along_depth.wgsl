// b is stored with the depth innermost: each line is one column of out. A block of 4 × 4 is turned in registers.

// Four columns of out at each of four steps of the depth: a step a column of the matrix.
fn block_of_b(first: u32, k: u32) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(
        load_b(first, k, product.columns, product.depth),
        load_b(first + 1u, k, product.columns, product.depth),
        load_b(first + 2u, k, product.columns, product.depth),
        load_b(first + 3u, k, product.columns, product.depth),
    ));
}

// Where in its tile an invocation's block lies, columns and steps: neighbours take neighbouring vectors of a line.
fn place_in_b(block: u32) -> vec2<u32> {
    return 4u * vec2(block / (STEP / 4u), block % (STEP / 4u));
}
