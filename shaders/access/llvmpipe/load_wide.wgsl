// Scores by wide loads: as many vectors as an invocation loads at once, 32 bytes at most. Mesa's software adapters load one
// invocation after another, and 32 bytes of one cost little more than 16.

@group(0) @binding(2) var<storage, read_write> scores: array<Wide>;

fn load_wide(i: u32) -> array<vec4<f32>, VECTORS_PER_LOAD> {
    return vectors_of(scores[i / (4u * VECTORS_PER_LOAD)]);
}
