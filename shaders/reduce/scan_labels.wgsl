// One pass over class labels: how many rows are valid, what their weights sum to, and which labels mean nothing.
// Each thread takes every `stride`-th row, in order, so that the sums are the same in every run.

override GROUP_SIZE: u32 = 64u;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
    let stride = count.x * GROUP_SIZE;
    var own = NOTHING;
    for (var row = id.x; row < params.rows; row += stride) {
        own = merge(own, found_in_label(params.first_row + row));
    }
    stored[params.first_partial + id.x] = own;
}
