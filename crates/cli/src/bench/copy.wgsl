// Copies by quads of words, the ways that a loss could walk over its scores.

override GROUP_SIZE: u32 = 256u;
// Invocations that walk one run together, and quads of a run.
override LANES: u32 = 1u;
override RUN: u32 = 1u;

@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> sink: array<vec4<u32>>;

@compute @workgroup_size(GROUP_SIZE)
fn flat(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let at = (group.y * groups.x + group.x) * GROUP_SIZE + invocation;
    if (at < arrayLength(&source)) {
        sink[at] = source[at];
    }
}

@compute @workgroup_size(GROUP_SIZE)
fn runs(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let index = (group.y * groups.x + group.x) * GROUP_SIZE + invocation;
    let first = index / LANES * RUN;
    let end = min(first + RUN, arrayLength(&source));
    for (var at = first + index % LANES; at < end; at += LANES) {
        sink[at] = source[at];
    }
}
