// u = x: scores are taken as they are.

fn transform(x: vec4<f32>) -> vec4<f32> {
    return x;
}

fn scaled(u: vec4<f32>) -> vec4<f32> {
    return u;
}

fn through_transform(g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    return g;
}
