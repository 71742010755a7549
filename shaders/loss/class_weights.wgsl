// One weight a class: class_weights of the softmax family, pos_weight of the sigmoid family.

const WEIGHTED = true;

@group(0) @binding(6) var<storage, read_write> class_weights: array<f32>;

fn weight_of(class_id: u32) -> f32 {
    return class_weights[min(class_id, params.all_classes - 1u)];
}

fn weights_of(classes: vec4<u32>) -> vec4<f32> {
    return vec4(weight_of(classes.x), weight_of(classes.y), weight_of(classes.z), weight_of(classes.w));
}
