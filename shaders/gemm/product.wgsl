// A product of matrices, out = a·b, by tiles: a workgroup makes TILE_ROWS × TILE_COLUMNS of out, an invocation a block of it.

struct Product {
    rows: u32,         // of a and out
    columns: u32,      // of b and out
    depth: u32,        // what the sums go over: columns of a, rows of b
    a_at: u32,         // where a begins in its binding, in elements
    a_stride: u32,     // from one stored line of a to the next
    b_at: u32,
    b_stride: u32,
    out_at: u32,
    out_stride: u32,
    rows_first: u32,   // 1: workgroups next to each other take other rows of out, else other columns
    strip: u32,        // tiles of columns that a workgroup takes one after another (statistics)
    first_class: u32,  // the class that the first column is, where only a slab of the vocabulary is at hand (statistics)
    first_strip: u32,  // and the number of its first strip
    unused_1: u32,
    unused_2: u32,
    unused_3: u32,
}

@group(0) @binding(20) var<uniform> product: Product;

override THREADS: u32 = 64u;     // THREADS_X · THREADS_Y
override THREADS_X: u32 = 8u;    // invocations side by side, each with BLOCK_COLUMNS columns of the tile
override THREADS_Y: u32 = 8u;    // and below each other, with BLOCK_ROWS rows
override TILE_ROWS: u32 = 64u;
override TILE_COLUMNS: u32 = 64u;
