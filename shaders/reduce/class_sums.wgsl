// The gradient summed over rows, class by class: an invocation takes a class over a block of rows.

override GROUP_SIZE: u32 = 64u;

@group(0) @binding(3) var<storage, read_write> grad: array<f32>;
@group(0) @binding(13) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let id = (at.y * count.x + at.x) * GROUP_SIZE + local;
    let block = id / params.classes;
    let class_id = id % params.classes;
    let first = block * params.count_of_values;
    if (first >= params.rows) {
        return;
    }
    let end = min(first + params.count_of_values, params.rows);
    var sum = sum_of(vec4(0.0));
    for (var row = first; row < end; row++) {
        let n = row / params.inner;
        let i = params.grad_at + n * params.grad_stride + class_id * params.inner + (row - n * params.inner);
        sum = sum_add(sum, vec4(grad[i]));
    }
    partials[(params.first_partial + block) * params.all_classes + params.first_class + class_id] = sum_total(sum).x;
}
