// A team is the invocations that take one row together. Here: one subgroup, whatever its size; no barrier.

override GROUP_SIZE: u32 = 64u;

var<private> team: u32;
var<private> teams: u32;
var<private> rank: u32;
var<private> team_size: u32;

fn team_max(value: f32) -> f32 {
    return subgroupMax(value);
}

fn team_sum(value: vec4<f32>) -> vec4<f32> {
    return subgroupAdd(value);
}

fn team_min(value: u32) -> u32 {
    return subgroupMin(value);
}

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
    @builtin(subgroup_invocation_id) invocation: u32,
    @builtin(subgroup_size) size: u32,
) {
    team = subgroup;
    teams = subgroups;
    rank = invocation;
    team_size = size;
    do_group(at.y * count.x + at.x);
}
