// What is told of each row beside its loss: its true class's log-probability and rank, its entropy.

fn put_details(s: RowTile, t: Target, good: vec4<bool>, sum: RowTotals, r: FinishedRow) {
    let ignored = t.state == vec4(IGNORED);
    let poisoned = is_nan(r.poison);
    // u_y − lse, as a loss is: no term of the size of u.
    let below = scaled(r.max - sum.true_u) + log1p_nonnegative(r.rest);
    let log_prob = select(select(nan(), -below, good & !poisoned), vec4(0.0), ignored);
    let entropy = select(select(nan(), r.entropy, good & !poisoned), vec4(0.0), ignored);
    let readable = good & !poisoned;
    let rank_of = select(vec4(0xffffffffu), vec4<u32>(sum.ahead), readable);
    for (var k = 0u; k < LANES; k++) {
        if (rank == 0u && s.exists[k]) {
            put_log_prob(s.rows[k], log_prob[k]);
            put_entropy(s.rows[k], entropy[k]);
            put_rank(s.rows[k], rank_of[k]);
        }
    }
}
