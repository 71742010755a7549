// No gradient arrives at the losses.

fn upstream_at(i: u32) -> f32 {
    return 1.0;
}

fn upstream4(i: u32) -> vec4<f32> {
    return vec4(1.0);
}
