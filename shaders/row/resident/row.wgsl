// A row that a team holds in registers, each score read once: first its max, then each element's numerator, from which
// both the sum and the gradient come.
//
// A template: the lines from `//: each` to `//: end` are written once for each vector of an invocation, in the order of
// the classes; `$` is the vector's number and `@` that of the first one of its load. Lines below `//: when` are for vectors
// that are all of what follows: `head` or `tail` (at an end of the row, within a vector) or `body`; `whole` or `partly` in
// the row; taken by a `single` load or a `wide` one, of which they are `first` or `last`. And for kernels that weigh classes
// with the statistics (`gathered`), with the gradient (`weighed`), in both cases `direct`, or patch true classes (`patched`);
// whose targets outside of the row are 0 (`unmasked`) or masks (`masked`); that look for the highest class (`best`) or count
// those before the true one (`ahead`); whose losses may be sums of terms (`termwise`).

fn do_tile(s: RowTile) {
    let t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    //: each
    //: when head
    let c$ = s.head - 4u;
    let in$ = in_head(s);
    //: when tail
    let c$ = s.body_end;
    let in$ = in_tail(s);
    //: when body
    let c$ = s.head + 4u * VECTORS_PER_LOAD * (rank + $u / VECTORS_PER_LOAD * team_size) + 4u * ($u - @u);
    //: when body partly
    let in$ = in_body(s, c$);
    //: always
    let n$ = resident_numbers(s, c$);
    //: when single whole
    let x$ = load4(s.scores + c$);
    //: when single partly
    let x$ = resident_load(s, c$, in$);
    //: when wide first whole
    let wide$ = load_wide(s.scores + c$);
    //: when wide first partly
    let wide$ = load_wide(s.scores + select(0u, c$, in$.x));
    //: when wide whole
    let x$ = wide@[$u - @u];
    //: when wide partly
    let x$ = select(-infinity(), wide@[$u - @u], in$);
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
    //: when ahead whole
    ahead = ahead_add(ahead, x$, n$, vec4(true));
    //: when ahead partly
    ahead = ahead_add(ahead, x$, n$, in$);
    //: when gathered whole
    let b$ = resident_weights(s, &cursor, c$);
    //: when gathered partly unmasked
    var b$ = vec4(0.0);
    //: when gathered partly masked
    var b$ = -infinity();
    //: when gathered partly
    if (any(in$)) {
        b$ = select(b$, resident_weights(s, &cursor, c$), in$);
    }
    //: when gathered
    b_sums = b_sums_add(b_sums, x$, b$, row_max, n$);
    //: end
    let sum = merge_resident(best, row_max, sums, b_sums, listed_terms(s, t, live, row_max), ahead);
    //: each
    //: when termwise
    terms_add(sum, x$, b$);
    //: end
    let r = with_upstream(s, finish_rows(s, t, live, sum));
    if (GRAD && s.exists.x) {
        let good = live & !sum.bad;
        cursor = t;
        //: each
        //: when weighed whole
        let b$ = resident_weights(s, &cursor, c$);
        //: when weighed partly
        var b$ = vec4(0.0);
        if (any(in$)) {
            b$ = select(b$, resident_weights(s, &cursor, c$), in$);
        }
        //: when direct
        let g$ = select(vec4(0.0), gradient_of_numerator(r, x$, e$, b$, n$), vec4(good.x));
        //: when patched
        let g$ = select(vec4(0.0), false_gradient_of_numerator(r, x$, e$, n$), vec4(good.x));
        //: when single whole
        store4(s.grad + c$, g$);
        //: when single partly
        resident_store(s, c$, g$, in$);
        //: when wide first
        var stored$: array<vec4<f32>, VECTORS_PER_LOAD>;
        //: when wide
        stored@[$u - @u] = g$;
        //: when wide last whole
        store_wide(s.grad + c@, stored@);
        //: when wide last partly
        if (in@.x) {
            store_wide(s.grad + c@, stored@);
        }
        //: end
        if (good.x) {
            patch_gradient(s, t, r);
        }
    }
}
