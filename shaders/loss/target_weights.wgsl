// The weight of each class in a row's loss: what all cross-entropies share.

// B_j = w_j·((1−ε)·t_j/M + ε/C) of targets t_j; 0 where M = 0.
fn target_weights(t: vec4<f32>, count: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    var b = t;
    if (COUNTED || SPARSE) {
        b = select(t / count, vec4(0.0), count == vec4(0.0));
    }
    b = smoothed(b, count);
    if (WEIGHTED) {
        b *= weights_of(classes);
    }
    return b;
}
