// Label smoothing: ε of each target is spread evenly over all classes.

// (1−ε)·t_j/M + ε/C; 0 where M = 0.
fn smoothed(b: vec4<f32>, count: vec4<f32>) -> vec4<f32> {
    return select((1.0 - params.smoothing) * b + params.background, vec4(0.0), count == vec4(0.0));
}
