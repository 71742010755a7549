// A product of which only the statistics of each row are kept: a workgroup takes a strip of tiles of columns, one after another,
// and leaves one RowStatistics for each of its rows. The logits never leave the registers. Blocks have four rows.

const ROWWISE = false;

@group(0) @binding(15) var<storage, read_write> row_statistics: array<RowStatistics>;
@group(0) @binding(25) var<storage, read_write> true_scores: array<f32>;

// Nothing of the product is stored.
fn put(row: u32, column: u32, values: vec4<f32>) {}

// One column of the four rows of a block, seen.
fn see(s: RowState, t: Target, first_row: u32, column: u32, product_of_column: vec4<f32>) -> RowState {
    if (column >= product.columns) {
        return s;
    }
    let x = product_of_column + bias_at(column);
    let class_id = product.first_class + column;
    let is_true = vec4(class_id) == t.class_id;
    if (any(is_true)) {
        let u = logit(x, vec4(class_id));
        put_true(first_row, is_true.x, u.x);
        put_true(first_row + 1u, is_true.y, u.y);
        put_true(first_row + 2u, is_true.z, u.z);
        put_true(first_row + 3u, is_true.w, u.w);
    }
    let b = target_weights(select(vec4(0.0), vec4(1.0), is_true), vec4(1.0), vec4(class_id));
    return row_state_add(s, x, b, vec4(class_id));
}

fn put_true(row: u32, is_true: bool, u: f32) {
    if (is_true && row < product.rows) {
        true_scores[row] = u;
    }
}

var<private> rank: u32;

// What the invocations side by side have of the same rows, through the memory of a.
fn tile_max(own: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    tile_a[rank] = own;
    workgroupBarrier();
    let first = rank - rank % THREADS_X;
    var all = tile_a[first];
    for (var i = 1u; i < THREADS_X; i++) {
        all = max(all, tile_a[first + i]);
    }
    return all;
}

fn tile_sum(own: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    tile_a[rank] = own;
    workgroupBarrier();
    let first = rank - rank % THREADS_X;
    var all = tile_a[first];
    for (var i = 1u; i < THREADS_X; i++) {
        all += tile_a[first + i];
    }
    return all;
}

// Of classes, which pass as floats, exact below 2²⁴, and of 0xffffffff, which stands for none.
fn tile_min(own: vec4<u32>) -> vec4<u32> {
    const NONE = 16777216.0;
    workgroupBarrier();
    tile_a[rank] = min(vec4<f32>(own), vec4(NONE));
    workgroupBarrier();
    let first = rank - rank % THREADS_X;
    var all = tile_a[first];
    for (var i = 1u; i < THREADS_X; i++) {
        all = min(all, tile_a[first + i]);
    }
    return select(vec4<u32>(all), vec4(0xffffffffu), all >= vec4(NONE));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_index) own_rank: u32) {
    rank = own_rank;
    let tile = select(at.xy, at.yx, product.rows_first != 0u);
    let first_row = tile.y * TILE_ROWS;
    let row = first_row + 4u * (rank / THREADS_X);
    let rows = min(vec4(row) + IOTA, vec4(product.rows - 1u));
    let t = target_open(rows);
    var s = row_state_start();
    for (var i = 0u; i < product.strip; i++) {
        let first_column = (tile.x * product.strip + i) * TILE_COLUMNS;
        multiply(first_row, first_column, rank);
        for (var vector = 0u; vector < BLOCK_COLUMNS / 4u; vector++) {
            let scores = seen_columns(vector);
            let column = first_column + 4u * (rank % THREADS_X + vector * THREADS_X);
            s = see(s, t, row, column, scores[0]);
            s = see(s, t, row, column + 1u, scores[1]);
            s = see(s, t, row, column + 2u, scores[2]);
            s = see(s, t, row, column + 3u, scores[3]);
        }
    }
    let row_max = tile_max(greatest_of(s.greatest));
    let terms = row_state_rebased(s, row_max);
    var total: RowTotals;
    total.max = row_max;
    total.rest = tile_sum(terms[0]) + (tile_sum(terms[1]) - 1.0);
    total.a = tile_sum(terms[2]);
    total.d = tile_sum(terms[3]);
    let best = best_of_team(s.best);
    total.best = best.score;
    total.best_at = best.at;
    total.bad = t.state == vec4(BAD);
    if (rank % THREADS_X == 0u) {
        for (var k = 0u; k < 4u; k++) {
            if (row + k < product.rows) {
                row_statistics[(product.first_strip + tile.x) * product.rows + row + k] = statistics_of(t, total, k);
            }
        }
    }
}
