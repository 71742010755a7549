// What went wrong, and how many rows were right; counted over all chunks.

struct Status {
    bad_rows: atomic<u32>,           // labels or lists that mean nothing
    before_bad_row: atomic<u32>,     // 2³²−1 less the first of them, so that a cleared status is all zeros
    outside_rows: atomic<u32>,       // rows with a given probability outside [0, 1]
    before_outside_row: atomic<u32>,
    correct_rows: atomic<u32>,
}

@group(0) @binding(12) var<storage, read_write> status: Status;

fn count_outside(index: u32) {
    atomicAdd(&status.outside_rows, 1u);
    atomicMax(&status.before_outside_row, ~batch_row(index));
}

fn count_correct() {
    atomicAdd(&status.correct_rows, 1u);
}
