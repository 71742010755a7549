// No gradient is wanted.

fn store4(i: u32, values: vec4<f32>) {}

fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {}

fn store_brick(i: u32, quads: array<vec4<f32>, BRICK>) {}
