// A block of 4 rows and 4 columns of out in registers: vectors of four columns, all indexed by constants. Rows come in
// groups of four, THREADS_Y groups from one to the next, and columns in vectors, THREADS_X from one to the next.

const BLOCK_ROWS = 4u;
const BLOCK_COLUMNS = 4u;

var<private> block: array<vec4<f32>, 4>;

fn block_start() {
    block[0] = vec4(0.0);
    block[1] = vec4(0.0);
    block[2] = vec4(0.0);
    block[3] = vec4(0.0);
}

// The outer product of one column of a and one row of b.
fn add_products(i_a: u32, i_b: u32) {
    let b0 = tile_b[i_b];
    let a0 = tile_a[i_a];
    block[0] = fma(vec4(a0.x), b0, block[0]);
    block[1] = fma(vec4(a0.y), b0, block[1]);
    block[2] = fma(vec4(a0.z), b0, block[2]);
    block[3] = fma(vec4(a0.w), b0, block[3]);
}

fn put_block(row: u32, column: u32) {
    put(row, column, block[0]);
    put(row + 1u, column, block[1]);
    put(row + 2u, column, block[2]);
    put(row + 3u, column, block[3]);
}

// What the four rows have in a vector's columns: one column of the matrix each.
fn seen_columns(vector: u32) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(block[0], block[1], block[2], block[3]));
}
