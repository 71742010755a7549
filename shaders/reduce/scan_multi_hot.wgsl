// One pass over multi-hot bytes: how many labels are known, which is what a mean over elements divides by. As a weight, for
// there may be more than 32 bits count.

override GROUP_SIZE: u32 = 64u;

@group(0) @binding(4) var<storage, read_write> targets: array<u32>;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
    let stride = count.x * GROUP_SIZE;
    let words = (params.elements + 3u) / 4u;
    var known = vec4(0u);
    for (var i = id.x; i < words; i += stride) {
        let bytes = (vec4(targets[i]) >> vec4(0u, 8u, 16u, 24u)) & vec4(0xffu);
        let there = vec4(4u * i) + IOTA < vec4(params.elements);
        known += select(vec4(0u), vec4(1u), there & (bytes != vec4(255u)));
    }
    var found_here = NOTHING;
    found_here.weight = f32((known.x + known.y) + (known.z + known.w));
    stored[params.first_partial + id.x] = found_here;
}
