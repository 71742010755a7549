// Four short rows that a thread holds in registers: as many vectors as classes, which become one vector a class, with a
// row in each lane. A template, as `row/resident/row` says; `each` goes over the classes, which are as many as the vectors.

const C = RESIDENT_CLASSES;
const C2 = 2u * C;
const C3 = 3u * C;

fn do_tile(s: RowTile) {
    var t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    open_resident(t, live);
    var q: array<vec4<f32>, C>;
    //: each
    //: when single
    q[$] = load4(s.scores + 4u * $u);
    //: when wide first
    let wide$ = load_wide(s.scores + 4u * $u);
    //: when wide
    q[$] = wide@[$u - @u];
    //: end
    //: each
    let c$ = vec4($u);
    let x$ = vec4(
        q[$u / 4u][$u % 4u], q[(C + $u) / 4u][(C + $u) % 4u],
        q[(C2 + $u) / 4u][(C2 + $u) % 4u], q[(C3 + $u) / 4u][(C3 + $u) % 4u],
    );
    //: end
    var dense: array<vec4<f32>, C>;
    //: each
    //: when dense
    dense[$] = target_values(&t, vec4(0u), s.dense + 4u * $u);
    //: end
    //: each
    //: when dense
    let t$ = vec4(
        dense[$u / 4u][$u % 4u], dense[(C + $u) / 4u][(C + $u) % 4u],
        dense[(C2 + $u) / 4u][(C2 + $u) % 4u], dense[(C3 + $u) / 4u][(C3 + $u) % 4u],
    );
    count_resident(&t, t$);
    //: end
    var greatest = greatest_start();
    var best = best_start();
    //: each
    greatest = greatest_add(greatest, x$, c$);
    //: when best
    best = best_add(best, x$, c$);
    //: end
    let row_max = tile_max(greatest_of(greatest));
    var cursor = t;
    var sums = numerators_start();
    var ahead = ahead_start();
    var b_sums = b_sums_start();
    //: each
    let e$ = numerator(x$, row_max, c$);
    sums = numerators_add(sums, e$, x$, row_max, c$);
    //: when ahead
    ahead = ahead_add(ahead, x$, c$, vec4(true));
    //: when dense
    let b$ = target_weights(t$, t.count, c$);
    //: when listed
    let b$ = resident_weights(s, &cursor, $u);
    //: always
    b_sums = b_sums_add(b_sums, x$, b$, row_max, c$);
    //: end
    let sum = merge_resident(best, row_max, sums, b_sums, listed_terms(s, t, live, row_max), ahead);
    //: each
    //: when termwise
    terms_add(sum, x$, b$);
    //: end
    let r = with_upstream(s, finish_rows(s, t, live, sum));
    if (GRAD) {
        let good = live & !sum.bad;
        var g: array<vec4<f32>, C>;
        //: each
        g[$] = select(vec4(0.0), gradient_of_numerator(r, x$, e$, b$, c$), good);
        //: end
        //: each
        const k$ = 4u * $u;
        let g$ = vec4(
            g[k$ % C][k$ / C], g[(k$ + 1u) % C][(k$ + 1u) / C],
            g[(k$ + 2u) % C][(k$ + 2u) / C], g[(k$ + 3u) % C][(k$ + 3u) / C],
        );
        //: when single
        store4(s.grad + k$, g$);
        //: when wide first
        var stored$: array<vec4<f32>, VECTORS_PER_LOAD>;
        //: when wide
        stored@[$u - @u] = g$;
        //: when wide last
        store_wide(s.grad + 4u * @u, stored@);
        //: end
    }
}
