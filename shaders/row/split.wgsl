// A split of a row, or all of it: its statistics, to be merged.

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    let sum = total_row(s, t, live);
    var greatest = vec4(0.0);
    var at_best = vec4(-1.0);
    if (CORRECT && !SPARSE) {
        var again = t;
        let found = find_winner(s, &again, sum.best_at, any(live));
        at_best = tile_sum(found[0]);
        greatest = tile_max(found[1]);
    }
    for (var k = 0u; k < LANES; k++) {
        if (rank == 0u && s.exists[k]) {
            var stored = statistics_of(t, sum, k);
            if (CORRECT && !SPARSE) {
                stored.greatest = greatest[k];
            }
            stored.flags |= select(0u, BEST_IS_GREATEST, at_best[k] == greatest[k]);
            splits[split_index(s.rows[k], s.split)] = stored;
            put_true_part(split_index(s.rows[k], s.split), sum.true_u[k], sum.ahead[k]);
        }
    }
}
