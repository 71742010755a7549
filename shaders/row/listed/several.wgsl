// What a row's listed true classes add to Σ B and Σ B·(max − u), and a mark where the list means nothing.

fn listed_terms(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    var a = vec4(0.0);
    var d = vec4(0.0);
    var mark = vec4(0.0);
    for (var k = 0u; k < LANES; k++) {
        let entries = select(0u, listed_count(t, k), live[k]);
        var unsettled = vec2(0.0); // long sums are settled now and then, so that they do not wear small terms down
        for (var entry = rank; entry < entries; entry += team_size) {
            if (!listed_ok(t, k, entry)) {
                mark[k] = 1e6;
            } else {
                let class_id = listed_class(t, k, entry);
                if (!SPLIT || class_id - s.first < s.classes) {
                    let u = logit(vec4(load1(score_at(s, class_id, k))), vec4(class_id));
                    let b = target_weights(vec4(1.0), vec4(t.count[k]), vec4(class_id));
                    unsettled += vec2(b.x, weighted_gap(b, vec4(0.5 * row_max[k]) - 0.5 * u, u).x);
                }
                if (entry % (64u * team_size) < team_size) {
                    a[k] += unsettled.x;
                    d[k] += unsettled.y;
                    unsettled = vec2(0.0);
                }
            }
        }
        a[k] += unsettled.x;
        d[k] += unsettled.y;
    }
    return array<vec4<f32>, 3>(a, d, mark);
}
