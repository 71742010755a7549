// A team is the invocations that take one row together. Here: one workgroup; each subgroup reduces its own values,
// then everyone reads all subgroups' results from workgroup memory.

override GROUP_SIZE: u32 = 256u;

const team = 0u;
const teams = 1u;
var<private> rank: u32;
override team_size: u32 = GROUP_SIZE;
var<private> subgroup: u32;
var<private> subgroups: u32;
var<private> leads: bool;        // first of its subgroup

// As many as the smallest subgroups (4) of the largest workgroup (1024).
var<workgroup> partial: array<vec4<f32>, 256>;

fn team_max(value: f32) -> f32 {
    let own = subgroupMax(value);
    if (leads) { partial[subgroup].x = own; }
    workgroupBarrier();
    var result = partial[0].x;
    for (var i = 1u; i < subgroups; i++) { result = max(result, partial[i].x); }
    workgroupBarrier();
    return result;
}

fn team_sum(value: vec4<f32>) -> vec4<f32> {
    let own = subgroupAdd(value);
    if (leads) { partial[subgroup] = own; }
    workgroupBarrier();
    var result = partial[0];
    for (var i = 1u; i < subgroups; i++) { result += partial[i]; }
    workgroupBarrier();
    return result;
}

fn team_min(value: u32) -> u32 {
    let own = subgroupMin(value);
    if (leads) { partial[subgroup].x = bitcast<f32>(own); }
    workgroupBarrier();
    var result = bitcast<u32>(partial[0].x);
    for (var i = 1u; i < subgroups; i++) { result = min(result, bitcast<u32>(partial[i].x)); }
    workgroupBarrier();
    return result;
}

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup_at: u32,
    @builtin(num_subgroups) subgroup_count: u32,
    @builtin(subgroup_invocation_id) invocation: u32,
) {
    rank = local;
    subgroup = subgroup_at;
    subgroups = subgroup_count;
    leads = invocation == 0u;
    do_group(at.y * count.x + at.x);
}
