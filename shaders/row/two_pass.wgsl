// A row in one go: statistics, results, gradient.

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    let sum = total_row(s, t, live);
    let r = finish_rows(s, t, live, sum);
    if (GRAD) {
        write_gradient(s, t, r, live & !sum.bad);
    }
}
