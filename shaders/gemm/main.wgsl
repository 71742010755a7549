// One tile of out a workgroup.

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_index) rank: u32) {
    let tile = select(at.xy, at.yx, product.rows_first != 0u);
    let first_column = tile.x * TILE_COLUMNS;
    let first_row = tile.y * TILE_ROWS;
    multiply(first_row, first_column, rank);
    put_block(first_row + 4u * (rank / THREADS_X), first_column + 4u * (rank % THREADS_X));
}
