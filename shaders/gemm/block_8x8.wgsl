// A block of 8 rows and 8 columns of out in registers: vectors of four columns, all indexed by constants. Rows come in
// groups of four, THREADS_Y groups from one to the next, and columns in vectors, THREADS_X from one to the next.

const BLOCK_ROWS = 8u;
const BLOCK_COLUMNS = 8u;

var<private> block: array<vec4<f32>, 16>;

fn block_start() {
    block[0] = vec4(0.0);
    block[1] = vec4(0.0);
    block[2] = vec4(0.0);
    block[3] = vec4(0.0);
    block[4] = vec4(0.0);
    block[5] = vec4(0.0);
    block[6] = vec4(0.0);
    block[7] = vec4(0.0);
    block[8] = vec4(0.0);
    block[9] = vec4(0.0);
    block[10] = vec4(0.0);
    block[11] = vec4(0.0);
    block[12] = vec4(0.0);
    block[13] = vec4(0.0);
    block[14] = vec4(0.0);
    block[15] = vec4(0.0);
}

// The outer product of one column of a and one row of b.
fn add_products(i_a: u32, i_b: u32) {
    let b0 = tile_b[i_b];
    let b1 = tile_b[i_b + THREADS_X];
    let a0 = tile_a[i_a];
    let a1 = tile_a[i_a + THREADS_Y];
    block[0] = fma(vec4(a0.x), b0, block[0]);
    block[1] = fma(vec4(a0.x), b1, block[1]);
    block[2] = fma(vec4(a0.y), b0, block[2]);
    block[3] = fma(vec4(a0.y), b1, block[3]);
    block[4] = fma(vec4(a0.z), b0, block[4]);
    block[5] = fma(vec4(a0.z), b1, block[5]);
    block[6] = fma(vec4(a0.w), b0, block[6]);
    block[7] = fma(vec4(a0.w), b1, block[7]);
    block[8] = fma(vec4(a1.x), b0, block[8]);
    block[9] = fma(vec4(a1.x), b1, block[9]);
    block[10] = fma(vec4(a1.y), b0, block[10]);
    block[11] = fma(vec4(a1.y), b1, block[11]);
    block[12] = fma(vec4(a1.z), b0, block[12]);
    block[13] = fma(vec4(a1.z), b1, block[13]);
    block[14] = fma(vec4(a1.w), b0, block[14]);
    block[15] = fma(vec4(a1.w), b1, block[15]);
}

fn put_block(row: u32, column: u32) {
    put(row, column, block[0]);
    put(row, column + 4u * THREADS_X, block[1]);
    put(row + 1u, column, block[2]);
    put(row + 1u, column + 4u * THREADS_X, block[3]);
    put(row + 2u, column, block[4]);
    put(row + 2u, column + 4u * THREADS_X, block[5]);
    put(row + 3u, column, block[6]);
    put(row + 3u, column + 4u * THREADS_X, block[7]);
    put(row + 4u * THREADS_Y, column, block[8]);
    put(row + 4u * THREADS_Y, column + 4u * THREADS_X, block[9]);
    put(row + 4u * THREADS_Y + 1u, column, block[10]);
    put(row + 4u * THREADS_Y + 1u, column + 4u * THREADS_X, block[11]);
    put(row + 4u * THREADS_Y + 2u, column, block[12]);
    put(row + 4u * THREADS_Y + 2u, column + 4u * THREADS_X, block[13]);
    put(row + 4u * THREADS_Y + 3u, column, block[14]);
    put(row + 4u * THREADS_Y + 3u, column + 4u * THREADS_X, block[15]);
}
