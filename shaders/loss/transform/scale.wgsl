// u = logit_scale·x. The scale is applied to differences alone: scores of 1e4 that lie close together would lose their
// distance to the rounding of scaled scores.

fn transform(x: vec4<f32>) -> vec4<f32> {
    return x;
}

// A value or difference of what transform() gives, as one of u.
fn scaled(u: vec4<f32>) -> vec4<f32> {
    return params.logit_scale * u;
}

// A gradient on u, as one on x.
fn through_transform(g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    return g * params.logit_scale;
}
