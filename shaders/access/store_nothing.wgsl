// No gradient is wanted.

fn store4(i: u32, values: vec4<f32>) {}

fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {}

fn store_wide(i: u32, vectors: array<vec4<f32>, VECTORS_PER_LOAD>) {}

fn store4_behind(i: u32, vectors: u32, values: vec4<f32>) {}
