// One pass over class lists: which of them overrun, leave the classes or do not increase.

override GROUP_SIZE: u32 = 64u;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
    let stride = count.x * GROUP_SIZE;
    var found_here = NOTHING;
    for (var row = id.x; row < params.rows; row += stride) {
        let t = target_open(vec4(params.first_row + row));
        var good = t.state.x == LIVE;
        for (var entry = 0u; entry < listed_count(t, 0u); entry++) {
            good = good && listed_ok(t, 0u, entry);
        }
        if (good) {
            found_here.valid += 1u;
        } else {
            found_here.bad += 1u;
            found_here.first_bad = min(found_here.first_bad, batch_row(params.first_row + row));
        }
        put_verdict(params.first_row + row, good);
    }
    stored[params.first_partial + id.x] = found_here;
}
