// a is stored with the depth innermost: each line is one row of out. A block of 4 × 4 is turned in registers.

// Four rows of out at each of four steps of the depth: a step a column of the matrix.
fn block_of_a(first: u32, k: u32) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(
        load_a(first, k, product.rows, product.depth),
        load_a(first + 1u, k, product.rows, product.depth),
        load_a(first + 2u, k, product.rows, product.depth),
        load_a(first + 3u, k, product.rows, product.depth),
    ));
}

// Where in its tile an invocation's block lies, rows and steps: neighbours take neighbouring vectors of a line.
fn place_in_a(block: u32) -> vec2<u32> {
    return 4u * vec2(block / (STEP / 4u), block % (STEP / 4u));
}
