// What the invocations of one workgroup found, merged, and told to the status.

var<workgroup> merged: array<Found, GROUP_SIZE>;

fn found_by_all(rank: u32, own: Found) -> Found {
    merged[rank] = own;
    workgroupBarrier();
    for (var half = GROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (rank < half) {
            merged[rank] = merge(merged[rank], merged[rank + half]);
        }
        workgroupBarrier();
    }
    return merged[0];
}

// By one invocation.
fn tell_status(all: Found) {
    if (all.bad > 0u) {
        atomicAdd(&status.bad_rows, all.bad);
        atomicMax(&status.before_bad_row, ~all.first_bad);
    }
    atomicStore(&status.correct_rows, 0u);
}
