// A row in one go, where the loss may take a pass of its own once the softmaxes are known: statistics, loss, gradient.

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    summing = false;
    let sum = total_row(s, t, live);
    let asked = know_row(sum);
    if (asked && any(live & by_terms)) {
        summing = true;
        var cursor = t;
        let state = accumulate_row(s, &cursor);
        term_sums = array<vec4<f32>, 2>(sum_total(state.terms), sum_total(state.other_terms));
    }
    let r = finish_rows(s, t, live, sum);
    if (GRAD) {
        write_gradient(s, t, r, live & !sum.bad);
    }
}
