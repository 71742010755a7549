// The gradient of a row, or of a part of it, from the row's record.

fn walk_strip(s: Strip) {
    let t = open_targets(s);
    var top = vec4(0.0);
    var rest = vec4(0.0);
    var a = vec4(0.0);
    var d = vec4(0.0);
    var good = vec4(false);
    for (var k = 0u; k < LANES; k++) {
        if (s.exists[k]) {
            let record = statistics[s.rows[k]];
            top[k] = record.top;
            rest[k] = record.rest;
            a[k] = record.a;
            d[k] = record.d;
            good[k] = (record.flags & STATE) == LIVE;
        }
    }
    let r = row_finish(strip_splat(top), strip_splat(rest), strip_splat(a), strip_splat(d), t.count);
    write_gradient(s, t, r, good);
}
