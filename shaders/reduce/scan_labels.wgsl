// One pass over class labels: how many rows are valid, what their weights sum to, and which labels mean nothing.
// Each thread takes every `stride`-th row, in order, so that the sums are the same in every run.

override GROUP_SIZE: u32 = 64u;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
    let stride = count.x * GROUP_SIZE;
    var part = ScanPart(0.0, 0u, 0u, 0xffffffffu);
    for (var row = id.x; row < params.rows; row += stride) {
        let label = read_label(params.first_row + row);
        if (label.state == LIVE) {
            part.valid += 1u;
            part.weight += weight_of(label.class_id);
        } else if (label.state == BAD) {
            part.bad += 1u;
            part.first_bad = min(part.first_bad, batch_row(params.first_row + row));
        }
    }
    scan_parts[params.first_part + id.x] = part;
}
