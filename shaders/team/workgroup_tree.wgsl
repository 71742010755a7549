// A team is the invocations that take one row together. Here: one workgroup that reduces by a tree in workgroup
// memory, for adapters without subgroups.

override GROUP_SIZE: u32 = 64u;  // a power of two

const team = 0u;
const teams = 1u;
var<private> rank: u32;
override team_size: u32 = GROUP_SIZE;

var<workgroup> partial: array<vec4<f32>, GROUP_SIZE>;
var<workgroup> partial_bits: array<u32, GROUP_SIZE>;

fn team_max(value: f32) -> f32 {
    partial[rank].x = value;
    workgroupBarrier();
    for (var half = GROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (rank < half) { partial[rank].x = max(partial[rank].x, partial[rank + half].x); }
        workgroupBarrier();
    }
    let result = partial[0].x;
    workgroupBarrier();
    return result;
}

fn team_sum(value: vec4<f32>) -> vec4<f32> {
    partial[rank] = value;
    workgroupBarrier();
    for (var half = GROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (rank < half) { partial[rank] += partial[rank + half]; }
        workgroupBarrier();
    }
    let result = partial[0];
    workgroupBarrier();
    return result;
}

fn team_min(value: u32) -> u32 {
    partial_bits[rank] = value;
    workgroupBarrier();
    for (var half = GROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (rank < half) { partial_bits[rank] = min(partial_bits[rank], partial_bits[rank + half]); }
        workgroupBarrier();
    }
    let result = partial_bits[0];
    workgroupBarrier();
    return result;
}

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    rank = local;
    do_group(at.y * count.x + at.x);
}
