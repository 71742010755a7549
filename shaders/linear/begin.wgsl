// One pass over all labels before the first chunk: what the mean divides by, which labels mean nothing, and the labels as
// chunks read them, one word each. One workgroup.

override GROUP_SIZE: u32 = 64u;      // a power of two
override OVER_WEIGHTS: bool = false; // the mean divides by Σ w_y
override GIVEN_DENOMINATOR: bool = false;

@group(0) @binding(21) var<storage, read_write> chunk_labels: array<u32>;
@group(0) @binding(22) var<storage, read_write> denominator_out: array<f32>;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(local_invocation_index) rank: u32) {
    var own = NOTHING;
    for (var row = rank; row < params.rows; row += GROUP_SIZE) {
        let label = read_label(row);
        // As chunks have it: −1 is ignored, and −2 means nothing.
        let or_ignored = select(label.class_id, 0xffffffffu, label.state == IGNORED);
        chunk_labels[row] = select(or_ignored, 0xfffffffeu, label.state == BAD);
        own = merge(own, found_in_label(row));
    }
    let all = found_by_all(rank, own);
    if (rank != 0u) {
        return;
    }
    tell_status(all);
    var denominator = task.denominator;
    if (OVER_WEIGHTS) {
        denominator = all.weight;
    }
    if (GIVEN_DENOMINATOR) {
        denominator = given_denominator();
    }
    denominator_out[0] = denominator;
}
