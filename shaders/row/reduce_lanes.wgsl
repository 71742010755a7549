// All lanes of a team have parts of one row: reductions go over them, and every lane has the result.

fn tile_max(v: vec4<f32>) -> vec4<f32> {
    return vec4(team_max(max(max(v.x, v.y), max(v.z, v.w))));
}

fn tile_min(v: vec4<u32>) -> vec4<u32> {
    return vec4(team_min(min(min(v.x, v.y), min(v.z, v.w))));
}

fn fold(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

fn tile_sum(v: vec4<f32>) -> vec4<f32> {
    return vec4(team_sum(vec4(fold(v), 0.0, 0.0, 0.0)).x);
}

fn tile_sums(x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32>) -> array<vec4<f32>, 4> {
    let total = team_sum(vec4(fold(x), fold(y), fold(z), fold(w)));
    return array<vec4<f32>, 4>(vec4(total.x), vec4(total.y), vec4(total.z), vec4(total.w));
}

// What is known of the row, in every lane.
fn tile_splat(v: vec4<f32>) -> vec4<f32> {
    return vec4(v.x);
}
