// What targets with one value an element have in common: every row is live, and no true class is listed.

const SPARSE = false;
const SINGLE = false;
const LIVE = 0u;
const IGNORED = 1u;
const BAD = 2u;

struct Target {
    state: vec4<u32>,
    count: vec4<f32>,
}

fn target_open(rows: vec4<u32>) -> Target {
    return Target(vec4(LIVE), vec4(1.0));
}

fn target_seek(t: ptr<function, Target>, classes: vec4<u32>) {}

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
