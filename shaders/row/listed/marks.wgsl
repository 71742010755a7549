// A mark where a row's list means nothing; its classes have been gathered one by one.

fn listed_terms(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    var mark = vec4(0.0);
    for (var k = 0u; k < LANES; k++) {
        let entries = select(0u, listed_count(t, k), live[k]);
        for (var entry = rank; entry < entries; entry += team_size) {
            if (!listed_ok(t, k, entry)) {
                mark[k] = 1e6;
            }
        }
    }
    return array<vec4<f32>, 3>(vec4(0.0), vec4(0.0), mark);
}
