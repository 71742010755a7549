// A row in one go: statistics, results, gradient.

fn walk_strip(s: Strip) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    let sum = summarize(s, t, live);
    let r = row_finish(sum.top, sum.rest, sum.a, sum.d, t.count);
    put_results(s, t, live, sum, r);
    for (var k = 0u; k < LANES; k++) {
        if (rank == 0u && s.exists[k]) {
            put_statistics(s.rows[k], record_of(t, sum, k));
        }
    }
    if (GRAD) {
        write_gradient(s, t, r, live & !sum.bad);
    }
}
