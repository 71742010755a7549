// One number a class is added to its score, behind scale and softcap.

const BIASED = true;

@group(0) @binding(19) var<storage, read_write> class_bias: array<f32>;

fn bias_of(class_id: u32) -> f32 {
    return class_bias[min(class_id, params.all_classes - 1u)];
}

fn biased(u: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return u + vec4(bias_of(classes.x), bias_of(classes.y), bias_of(classes.z), bias_of(classes.w));
}
