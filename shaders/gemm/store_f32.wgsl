// out in f32, lines on vectors; where ACCUMULATE, what it holds is added to. What lies between a line's last column and the
// next vector may be written.

override ACCUMULATE: bool = false;

@group(0) @binding(23) var<storage, read_write> out: array<vec4<f32>>;

fn put(row: u32, column: u32, values: vec4<f32>) {
    if (row >= product.rows || column >= product.columns) {
        return;
    }
    let i = (product.out_at + row * product.out_stride + column) / 4u;
    var sum = with_bias(values, column);
    if (ACCUMULATE) {
        sum += out[i];
    }
    out[i] = sum;
}
