// Classes have no bias.

const BIASED = false;

fn biased(u: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return u;
}
