// What the softmax is over: u_j = T(x_j) + bias_j, with a margin on the true class. A piece that is off leaves T alone.

fn logit(x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return biased(transform(margined(x, classes)), classes);
}

// A gradient on u, as one on x.
fn through_logit(g: vec4<f32>, x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return through_margin(through_transform(g, margined(x, classes)), classes);
}

// What classes are ranked by: the scores themselves, whose order no rounding changes, where u rises with them.
fn order_of(x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    if (BIASED || HAS_MARGIN) {
        return logit(x, classes);
    }
    return x;
}
