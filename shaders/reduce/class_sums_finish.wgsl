// The blocks of each class added up, as a gradient on u: that on the scores has the factor of the scores in it.

override GROUP_SIZE: u32 = 64u;

@group(0) @binding(13) var<storage, read_write> partials: array<f32>;
@group(0) @binding(25) var<storage, read_write> grad_class_bias: array<f32>;

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let class_id = (at.y * count.x + at.x) * GROUP_SIZE + local;
    if (class_id >= params.classes) {
        return;
    }
    var sum = sum_of(vec4(0.0));
    for (var block = 0u; block < params.count_of_values; block++) {
        sum = sum_add(sum, vec4(partials[block * params.classes + class_id]));
    }
    grad_class_bias[class_id] = sum_total(sum).x / params.logit_scale;
}
