// Four rows whose few classes lie below one another, in the registers of one thread. A template, as `row/resident/row`
// says; `each` goes over the classes.

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    open_resident(t, live);
    //: each
    let c$ = $u;
    let n$ = resident_numbers(s, c$);
    let x$ = resident_load(s, c$);
    //: end
    var greatest = greatest_start();
    var best = best_start();
    //: each
    greatest = greatest_add(greatest, x$, n$);
    //: when best
    best = best_add(best, x$, n$);
    //: end
    let row_max = tile_max(greatest_of(greatest));
    var cursor = t;
    var sums = numerators_start();
    var ahead = ahead_start();
    var b_sums = b_sums_start();
    //: each
    let e$ = numerator(x$, row_max, n$);
    sums = numerators_add(sums, e$, x$, row_max, n$);
    //: when ahead
    ahead = ahead_add(ahead, x$, n$, vec4(true));
    //: always
    let b$ = resident_weights(s, &cursor, c$);
    b_sums = b_sums_add(b_sums, x$, b$, row_max, n$);
    //: end
    let sum = merge_resident(best, row_max, sums, b_sums, listed_terms(s, t, live, row_max), ahead);
    //: each
    //: when termwise
    terms_add(sum, x$, b$);
    //: end
    let r = with_upstream(s, finish_rows(s, t, live, sum));
    if (GRAD) {
        let good = live & !sum.bad;
        //: each
        resident_store(s, c$, select(vec4(0.0), gradient_of_numerator(r, x$, e$, b$, n$), good));
        //: end
    }
}
