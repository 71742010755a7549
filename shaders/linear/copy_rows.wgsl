// Copies one word a row: from the batch to a chunk, or back.

@group(0) @binding(21) var<storage, read> copied_from: array<u32>;
@group(0) @binding(22) var<storage, read_write> copied_to: array<u32>;

override GROUP_SIZE: u32 = 64u;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < task.count) {
        copied_to[task.to_at + id.x] = copied_from[task.from_at + id.x];
    }
}
