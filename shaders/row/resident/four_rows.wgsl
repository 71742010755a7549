// Four short rows that a thread holds in registers: as many vectors as classes, which become one vector a class, with a
// row in each lane. A template, as `row/resident/row` says; `each` goes over the classes, which are as many as the vectors.

fn do_tile(s: RowTile) {
    var t = open_targets(s);
    let live = (t.state == vec4(LIVE)) & s.exists;
    open_resident(t, live);
    var loaded: array<vec4<f32>, RESIDENT_CLASSES>;
    //: each
    //: when single
    loaded[$] = load4(s.scores + 4u * $u);
    //: when wide first
    let wide$ = load_wide(s.scores + 4u * $u);
    //: when wide
    loaded[$] = wide@[$u - @u];
    //: end
    //: each
    let c$ = $u;
    let x$ = vec4(
        loaded[$u / 4u][$u % 4u],
        loaded[(RESIDENT_CLASSES + $u) / 4u][(RESIDENT_CLASSES + $u) % 4u],
        loaded[(2u * RESIDENT_CLASSES + $u) / 4u][(2u * RESIDENT_CLASSES + $u) % 4u],
        loaded[(3u * RESIDENT_CLASSES + $u) / 4u][(3u * RESIDENT_CLASSES + $u) % 4u],
    );
    //: end
    var dense: array<vec4<f32>, RESIDENT_CLASSES>;
    //: each
    //: when dense
    dense[$] = target_values(&t, vec4(0u), s.dense + 4u * $u);
    //: end
    //: each
    //: when dense
    let t$ = vec4(
        dense[$u / 4u][$u % 4u],
        dense[(RESIDENT_CLASSES + $u) / 4u][(RESIDENT_CLASSES + $u) % 4u],
        dense[(2u * RESIDENT_CLASSES + $u) / 4u][(2u * RESIDENT_CLASSES + $u) % 4u],
        dense[(3u * RESIDENT_CLASSES + $u) / 4u][(3u * RESIDENT_CLASSES + $u) % 4u],
    );
    count_resident(&t, t$);
    //: end
    var greatest = greatest_start();
    var best = best_start();
    //: each
    greatest = greatest_add(greatest, x$, vec4(c$));
    best = best_add(best, x$, vec4(c$));
    //: end
    let row_max = tile_max(greatest_of(greatest));
    var cursor = t;
    var sums = numerators_start();
    var ahead = ahead_start();
    var targets_sum = resident_targets_start();
    //: each
    let e$ = numerator(x$, row_max, vec4(c$));
    sums = numerators_add(sums, e$, x$, row_max, vec4(c$));
    ahead = ahead_add(ahead, x$, vec4(c$), vec4(true));
    //: when dense
    let b$ = target_weights(t$, t.count, vec4(c$));
    //: when listed
    let b$ = resident_weights(s, &cursor, c$);
    //: always
    targets_sum = resident_targets_add(targets_sum, x$, b$, row_max, vec4(c$));
    //: end
    let sum = merge_resident(best, row_max, sums, targets_sum, listed_terms(s, t, live, row_max), ahead);
    //: each
    //: when mixed
    mixture_add(sum, x$, b$);
    //: end
    let r = with_upstream(s, finish_rows(s, t, live, sum));
    if (GRAD) {
        let good = live & !sum.bad;
        var g: array<vec4<f32>, RESIDENT_CLASSES>;
        //: each
        g[$] = select(vec4(0.0), gradient_of_numerator(r, x$, e$, b$, vec4(c$)), good);
        //: end
        //: each
        let g$ = vec4(
            g[4u * $u % RESIDENT_CLASSES][4u * $u / RESIDENT_CLASSES],
            g[(4u * $u + 1u) % RESIDENT_CLASSES][(4u * $u + 1u) / RESIDENT_CLASSES],
            g[(4u * $u + 2u) % RESIDENT_CLASSES][(4u * $u + 2u) / RESIDENT_CLASSES],
            g[(4u * $u + 3u) % RESIDENT_CLASSES][(4u * $u + 3u) / RESIDENT_CLASSES],
        );
        //: when single
        store4(s.grad + 4u * $u, g$);
        //: when wide first
        var stored$: array<vec4<f32>, VECTORS_PER_LOAD>;
        //: when wide
        stored@[$u - @u] = g$;
        //: when wide last
        store_wide(s.grad + 4u * @u, stored@);
        //: end
    }
}
