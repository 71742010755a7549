// One true class a row: t is one-hot.

const SPARSE = true;   // the true classes can be listed,
const SINGLE = true;   // and there is one a row
const COUNTED = false; // M is known without counting

struct Target {
    class_id: vec4<u32>,
    state: vec4<u32>,
    count: vec4<f32>, // M
}

fn target_open(rows: vec4<u32>) -> Target {
    let x = read_label(rows.x);
    if (ROWWISE) {
        return Target(vec4(x.class_id), vec4(x.state), vec4(1.0));
    }
    let y = read_label(rows.y);
    let z = read_label(rows.z);
    let w = read_label(rows.w);
    return Target(vec4(x.class_id, y.class_id, z.class_id, w.class_id), vec4(x.state, y.state, z.state, w.state), vec4(1.0));
}

fn target_seek(t: ptr<function, Target>, classes: vec4<u32>) {}

fn target_values(t: ptr<function, Target>, classes: vec4<u32>, i: u32) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), classes == (*t).class_id);
}

fn single_class(t: Target) -> vec4<u32> {
    return t.class_id;
}

fn listed_count(t: Target, k: u32) -> u32 {
    return select(0u, 1u, t.state[k] == LIVE);
}

fn listed_class(t: Target, k: u32, entry: u32) -> u32 {
    return t.class_id[k];
}

fn listed_ok(t: Target, k: u32, entry: u32) -> bool {
    return true;
}
