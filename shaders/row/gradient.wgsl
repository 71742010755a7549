// The gradient of a row, or of a split of it, from the row's statistics.

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    var row_max = vec4(0.0);
    var rest = vec4(0.0);
    var a = vec4(0.0);
    var d = vec4(0.0);
    var spread = vec4(0.0);
    var good = vec4(false);
    for (var k = 0u; k < LANES; k++) {
        if (s.exists[k]) {
            let stored = statistics[s.rows[k]];
            row_max[k] = stored.max;
            rest[k] = stored.rest;
            a[k] = stored.a;
            d[k] = stored.d;
            // Statistics of a plan that counts no entropies tell none.
            spread[k] = select(nan().x, stored.greatest, (stored.flags & SPREAD_KNOWN) != 0u);
            good[k] = (stored.flags & STATE) == LIVE;
            // By one of the row's teams.
            if ((stored.flags & STATE) == BAD && rank == 0u && params.first_split + s.split == 0u) {
                count_bad(s.rows[k]);
            }
        }
    }
    let r = row_finish(
        tile_splat(row_max),
        tile_splat(rest),
        tile_splat(a),
        tile_splat(d),
        tile_splat(spread),
        t.count,
    );
    write_gradient(s, t, r, good);
}
