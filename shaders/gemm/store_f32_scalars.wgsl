// out in f32, lines that begin anywhere: one element after another.

override ACCUMULATE: bool = false;

@group(0) @binding(23) var<storage, read_write> out: array<f32>;

fn put_one(i: u32, exists: bool, value: f32) {
    if (!exists) {
        return;
    }
    var sum = value;
    if (ACCUMULATE) {
        sum += out[i];
    }
    out[i] = sum;
}

fn put(row: u32, column: u32, values: vec4<f32>) {
    let i = product.out_at + row * product.out_stride + column;
    let sums = with_bias(values, column);
    let exists = vec4(row < product.rows) & (vec4(column) + vec4(0u, 1u, 2u, 3u) < vec4(product.columns));
    put_one(i, exists.x, sums.x);
    put_one(i + 1u, exists.y, sums.y);
    put_one(i + 2u, exists.z, sums.z);
    put_one(i + 3u, exists.w, sums.w);
}
