// A team is the invocations that take one row together. Here: one thread.

override GROUP_SIZE: u32 = 64u;

var<private> team: u32;          // this team, in its workgroup
var<private> teams: u32;         // teams in a workgroup
var<private> rank: u32;          // this invocation, in its team
const team_size = 1u;

fn team_max(value: f32) -> f32 {
    return value;
}

fn team_sum(value: vec4<f32>) -> vec4<f32> {
    return value;
}

fn team_min(value: u32) -> u32 {
    return value;
}

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    team = local;
    teams = GROUP_SIZE;
    rank = 0u;
    do_group(at.y * count.x + at.x);
}
