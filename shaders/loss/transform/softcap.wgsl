// u = softcap·tanh(logit_scale·x / softcap). Infinities stay what they are, so that a mask remains a mask.

fn transform(x: vec4<f32>) -> vec4<f32> {
    let u = params.softcap * tanh_exact(params.logit_scale * x / params.softcap);
    return select(u, x, is_infinity(x));
}

fn scaled(u: vec4<f32>) -> vec4<f32> {
    return u;
}

fn through_transform(g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    return g * (params.logit_scale * sech_squared(params.logit_scale * x / params.softcap));
}
