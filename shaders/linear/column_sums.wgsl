// The gradient of the bias: the sum down each column of a chunk's gradient, a column an invocation.

@group(0) @binding(21) var<storage, read> grad: array<f32>;
@group(0) @binding(22) var<storage, read_write> sums: array<f32>;

override GROUP_SIZE: u32 = 64u;

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let column = (at.y * count.x + at.x) * GROUP_SIZE + local;
    if (column >= task.columns) {
        return;
    }
    // Two levels, so that few terms meet a sum that has grown large.
    var total = 0.0;
    var first = 0u;
    while (first < task.count) {
        let end = min(first + 64u, task.count);
        var part = 0.0;
        for (var row = first; row < end; row++) {
            part += grad[row * task.stride + column];
        }
        total += part;
        first = end;
    }
    if (task.accumulate != 0u) {
        total += sums[column];
    }
    sums[column] = total;
}
