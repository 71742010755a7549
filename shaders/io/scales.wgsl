// The scales, as the target scan left them.

@group(0) @binding(1) var<uniform> scales: Scales;

fn grad_scale() -> f32 {
    return scales.grad_scale;
}

fn loss_scale() -> f32 {
    return scales.loss_scale;
}

fn has_bad_rows() -> bool {
    return scales.bad_rows > 0u;
}
