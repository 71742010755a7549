// Label smoothing: ε of each target is spread evenly over all classes.

// (1−ε)·t_j/M + ε/C; 0 where M = 0.
fn smoothed(b: vec4<f32>, count: vec4<f32>) -> vec4<f32> {
    return select((1.0 - params.smoothing) * b + params.background, vec4(0.0), count == vec4(0.0));
}

// Whether a weight, or a sum of such, stands for one below f32's normal numbers: it tells masks, and beside any other score
// counts for nothing.
fn is_faint(b: vec4<f32>) -> vec4<bool> {
    return vec4(params.background == 1.1754944e-38) & (b < vec4(1e-30));
}
