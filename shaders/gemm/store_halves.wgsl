// out in a type of 16 bits, lines on vectors: each sum is rounded once.

@group(0) @binding(23) var<storage, read_write> out: array<Packed4>;

fn put(row: u32, column: u32, values: vec4<f32>) {
    if (row >= product.rows || column >= product.columns) {
        return;
    }
    out[(product.out_at + row * product.out_stride + column) / 4u] = pack4(with_bias(values, column));
}
