// Each row's highest class, and whether it is right.

fn put_winner(s: RowTile, t: Target, good: vec4<bool>, sum: RowTotals, r: FinishedRow) {
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
