// A part of a row, or all of it: its record, to be merged.

fn walk_strip(s: Strip) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    let sum = summarize(s, t, live);
    var greatest = vec4(0.0);
    var at_best = vec4(-1.0);
    if (CORRECT && !SPARSE) {
        var again = t;
        let found = sweep_winner(s, &again, sum.best_at, any(live));
        at_best = strip_sum(found[0]);
        greatest = strip_max(found[1]);
    }
    for (var k = 0u; k < LANES; k++) {
        if (rank == 0u && s.exists[k]) {
            var record = record_of(t, sum, k);
            record.greatest = greatest[k];
            record.flags |= select(0u, BEST_IS_GREATEST, at_best[k] == greatest[k]);
            parts[part_index(s.rows[k], s.part)] = record;
        }
    }
}
