// Targets that are the teacher's scores: nothing is weighed before both softmaxes are known.

fn target_weights(t: vec4<f32>, count: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return t;
}
