// A row in one go, where the loss needs a pass of its own once the softmaxes are known: statistics, loss, gradient.

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    mixing = false;
    let sum = total_row(s, t, live);
    mixed = both_sides(sum.max, sum.rest);
    mixing = true;
    if (any(live)) {
        var cursor = t;
        let state = accumulate_row(s, &cursor);
        mixture_sums = array<vec4<f32>, 2>(sum_total(state.mixture), sum_total(state.other_mixture));
    }
    let r = finish_rows(s, t, live, sum);
    if (GRAD) {
        write_gradient(s, t, r, live & !sum.bad);
    }
}
