// What is written of each row: its loss, and on request its log-sum-exp, highest class and whether that is right.

fn put_results(s: RowTile, t: Target, live: vec4<bool>, sum: RowTotals, r: FinishedRow) {
    let good = live & !sum.bad;
    put_winner(s, t, good, sum, r);
    put_details(s, t, good, sum, r);
    let ignored = t.state == vec4(IGNORED);
    let loss = select(select(nan(), r.loss, good), vec4(0.0), ignored);
    let lse = select(vec4(0.0), r.lse, good);
    let outside = good & vec4(GIVEN) & is_nan(r.poison);
    let bad = (t.state == vec4(BAD)) | sum.bad;
    put_row(s.rows.x, s.exists.x, loss.x, lse.x, outside.x, bad.x);
    if (LANES >= 2u) {
        put_row(s.rows.y, s.exists.y, loss.y, lse.y, outside.y, bad.y);
    }
    if (LANES == 4u) {
        put_row(s.rows.z, s.exists.z, loss.z, lse.z, outside.z, bad.z);
        put_row(s.rows.w, s.exists.w, loss.w, lse.w, outside.w, bad.w);
    }
}

fn put_row(row: u32, exists: bool, loss: f32, lse: f32, outside: bool, bad: bool) {
    if (rank == 0u && exists) {
        put_loss(row, loss);
        put_lse(row, lse);
        if (outside) {
            count_outside(row);
        }
        if (bad) {
            count_bad(row);
        }
    }
}

// A row whose statistics are complete: its results, and what its gradient needs.
fn finish_rows(s: RowTile, t: Target, live: vec4<bool>, sum: RowTotals) -> FinishedRow {
    let r = row_finish(sum.max, sum.rest, sum.a, sum.d, sum.spread, t.count);
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
