// STEP columns of a and rows of b in workgroup memory, four elements of a column of a (of a row of b) to a vector; and the sums
// over them. Each invocation fills at most one block of 4 × 4 elements of each.

override STEP: u32 = 16u;       // a multiple of 8
override A_LINE: u32 = 17u;     // vectors from one column of a to the next: TILE_ROWS / 4, or one more
override B_LINE: u32 = 17u;
override A_VECTORS: u32 = 272u; // STEP · A_LINE, and as many as there are invocations
override B_VECTORS: u32 = 272u;
override A_BLOCKS: u32 = 64u;   // blocks of 4 × 4 elements, at most THREADS
override B_BLOCKS: u32 = 64u;

var<workgroup> tile_a: array<vec4<f32>, A_VECTORS>;
var<workgroup> tile_b: array<vec4<f32>, B_VECTORS>;

fn fill_a(block: u32, first: u32, k: u32) {
    let place = place_in_a(block);
    let values = block_of_a(first + place.x, k + place.y);
    let to = place.y * A_LINE + place.x / 4u;
    tile_a[to] = values[0];
    tile_a[to + A_LINE] = values[1];
    tile_a[to + 2u * A_LINE] = values[2];
    tile_a[to + 3u * A_LINE] = values[3];
}

fn fill_b(block: u32, first: u32, k: u32) {
    let place = place_in_b(block);
    let values = block_of_b(first + place.x, k + place.y);
    let to = place.y * B_LINE + place.x / 4u;
    tile_b[to] = values[0];
    tile_b[to + B_LINE] = values[1];
    tile_b[to + 2u * B_LINE] = values[2];
    tile_b[to + 3u * B_LINE] = values[3];
}

fn multiply(first_row: u32, first_column: u32, rank: u32) {
    block_start();
    let y = rank / THREADS_X;
    let x = rank % THREADS_X;
    for (var k = 0u; k < product.depth; k += STEP) {
        if (rank < A_BLOCKS) {
            fill_a(rank, first_row, k);
        }
        if (rank >= THREADS - B_BLOCKS) {
            fill_b(rank - (THREADS - B_BLOCKS), first_column, k);
        }
        workgroupBarrier();
        for (var i = 0u; i < STEP; i += UNROLLED) {
            add_steps(i * A_LINE + y, i * B_LINE + x);
        }
        workgroupBarrier();
    }
}
