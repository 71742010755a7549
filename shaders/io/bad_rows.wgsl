// Rows tell by themselves that their label or list means nothing: no scan looks at the targets before.

fn count_bad(index: u32) {
    atomicAdd(&status.bad_rows, 1u);
    atomicMax(&status.before_bad_row, ~batch_row(index));
}
