// The true class's score is taken as it is.

const HAS_MARGIN = false;

fn margined(x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return x;
}

fn through_margin(g: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return g;
}

fn margin_at(x: vec4<f32>) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(x, vec4(1.0));
}
