// Each lane has a row of its own: there is nothing to reduce.

fn tile_max(v: vec4<f32>) -> vec4<f32> {
    return v;
}

fn tile_min(v: vec4<u32>) -> vec4<u32> {
    return v;
}

fn tile_sum(v: vec4<f32>) -> vec4<f32> {
    return v;
}

fn tile_sums(x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32>) -> array<vec4<f32>, 4> {
    return array<vec4<f32>, 4>(x, y, z, w);
}

fn tile_splat(v: vec4<f32>) -> vec4<f32> {
    return v;
}
