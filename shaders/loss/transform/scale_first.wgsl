// u = logit_scale·x, before a bias is added: what is added cannot be taken out of differences.

fn transform(x: vec4<f32>) -> vec4<f32> {
    return params.logit_scale * x;
}

fn scaled(u: vec4<f32>) -> vec4<f32> {
    return u;
}

fn through_transform(g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    return g * params.logit_scale;
}
