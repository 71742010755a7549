// Each row's log-sum-exp.

@group(0) @binding(9) var<storage, read_write> lse: array<f32>;

fn put_lse(i: u32, value: f32) {
    lse[i] = value;
}
