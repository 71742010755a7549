// What is written of each row: its loss, and on request its log-sum-exp, highest class and whether that is right.

fn put_results(s: RowTile, t: Target, live: vec4<bool>, sum: RowTotals, r: FinishedRow) {
    let good = live & !sum.bad;
    if (ARGMAX) {
        let readable = good & !is_nan(r.poison);
        let winner = select(vec4(0xffffffffu), sum.best_at, readable);
        if (CORRECT) {
            let right = is_right(s, t, winner, readable);
            for (var k = 0u; k < LANES; k++) {
                if (rank == 0u && s.exists[k] && right[k]) {
                    count_correct();
                }
            }
        }
        for (var k = 0u; k < LANES; k++) {
            if (rank == 0u && s.exists[k]) {
                put_argmax(s.rows[k], winner[k]);
            }
        }
    }
    let ignored = t.state == vec4(IGNORED);
    let loss = select(select(nan(), r.loss, good), vec4(0.0), ignored);
    let lse = select(vec4(0.0), r.lse, good);
    let outside = good & vec4(GIVEN) & is_nan(r.poison);
    put_row(s.rows.x, s.exists.x, loss.x, lse.x, outside.x);
    if (LANES == 4u) {
        put_row(s.rows.y, s.exists.y, loss.y, lse.y, outside.y);
        put_row(s.rows.z, s.exists.z, loss.z, lse.z, outside.z);
        put_row(s.rows.w, s.exists.w, loss.w, lse.w, outside.w);
    }
}

fn put_row(row: u32, exists: bool, loss: f32, lse: f32, outside: bool) {
    if (rank == 0u && exists) {
        put_loss(row, loss);
        put_lse(row, lse);
        if (outside) {
            count_outside(row);
        }
    }
}

// A row is right where its highest class is true, or has the row's greatest target.
fn is_right(s: RowTile, t: Target, winner: vec4<u32>, readable: vec4<bool>) -> vec4<bool> {
    var at_winner = vec4(0.0);
    var greatest = vec4(1.0);
    if (SPARSE) {
        for (var k = 0u; k < LANES; k++) {
            let entries = select(0u, listed_count(t, k), readable[k]);
            for (var entry = rank; entry < entries; entry += team_size) {
                at_winner[k] += select(0.0, 1.0, listed_class(t, k, entry) == winner[k]);
            }
        }
    } else {
        var again = t;
        let found = find_winner(s, &again, winner, any(readable));
        at_winner = found[0];
        greatest = tile_max(found[1]);
    }
    return readable & (greatest > vec4(0.0)) & (tile_sum(at_winner) == greatest);
}

// A row whose statistics are complete: its results, and what its gradient needs.
fn finish_rows(s: RowTile, t: Target, live: vec4<bool>, sum: RowTotals) -> FinishedRow {
    let r = row_finish(sum.max, sum.rest, sum.a, sum.d, t.count);
    put_results(s, t, live, sum, r);
    if (KEEPS_STATISTICS) {
        for (var k = 0u; k < LANES; k++) {
            if (rank == 0u && s.exists[k]) {
                put_statistics(s.rows[k], statistics_of(t, sum, k));
            }
        }
    }
    return r;
}
