// Gradients of hidden states in a type of 16 bits where lines share words: one word an invocation, from f32 in lines of
// their own. Half of a chunk's first word may be another chunk's.

@group(0) @binding(21) var<storage, read> lines: array<f32>;
@group(0) @binding(22) var<storage, read_write> packed: array<u32>;

override GROUP_SIZE: u32 = 64u;

fn line_element(i: u32) -> f32 {
    return lines[(i / task.columns) * task.stride + i % task.columns];
}

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let word = task.to_at / 2u + (at.y * count.x + at.x) * GROUP_SIZE + local;
    let begin = max(2u * word, task.to_at);
    let end = min(2u * word + 2u, task.to_at + task.count);
    if (begin >= end) {
        return;
    }
    var pair = packed[word];
    for (var i = begin; i < end; i++) {
        let half = half_bits(vec4(line_element(i - task.to_at))).x;
        pair = select((pair & 0xffffu) | (half << 16u), (pair & 0xffff0000u) | half, (i & 1u) == 0u);
    }
    packed[word] = pair;
}
