// As multi-hot, where the byte 255 says that a label is not known: such an element has neither loss nor gradient. For losses
// of elements alone, which seek the classes of every vector before they ask whether it counts.

const SPARSE = false;
const SINGLE = false;
const COUNTED = false;
const LIVE = 0u;
const IGNORED = 1u;
const BAD = 2u;

@group(0) @binding(4) var<storage, read_write> targets: array<u32>;

struct Target {
    rows: vec4<u32>,
    state: vec4<u32>,
    count: vec4<f32>,
}

fn target_open(rows: vec4<u32>) -> Target {
    return Target(rows, vec4(LIVE), vec4(1.0));
}

fn target_byte(i: u32) -> u32 {
    return (targets[i / 4u] >> (8u * (i % 4u))) & 0xffu;
}

// Which of these elements are known.
fn target_seek(t: ptr<function, Target>, classes: vec4<u32>) {
    let rows = (*t).rows - params.first_row;
    let n = rows / params.inner;
    let i = params.dense_at + (n * params.classes + classes) * params.inner + (rows - n * params.inner) - params.phase;
    let bytes = vec4(target_byte(i.x), target_byte(i.y), target_byte(i.z), target_byte(i.w));
    (*t).state = select(vec4(LIVE), vec4(IGNORED), bytes == vec4(255u));
}

fn target_values(t: ptr<function, Target>, classes: vec4<u32>, i: u32) -> vec4<f32> {
    let bytes = vec4(target_byte(i), target_byte(i + 1u), target_byte(i + 2u), target_byte(i + 3u));
    return select(vec4(0.0), vec4(1.0), bytes != vec4(0u));
}

fn single_class(t: Target) -> vec4<u32> {
    return vec4(0u);
}

fn listed_count(t: Target, k: u32) -> u32 {
    return 0u;
}

fn listed_class(t: Target, k: u32, entry: u32) -> u32 {
    return 0u;
}

fn listed_ok(t: Target, k: u32, entry: u32) -> bool {
    return true;
}
