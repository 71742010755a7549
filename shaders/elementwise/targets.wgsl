// Targets as they are given, on scores as they are.

// What the loss of an element is between.
struct Sides {
    u: vec4<f32>,
    t: vec4<f32>,
    rest: vec4<f32>, // 1 − t
}

fn sides(x: vec4<f32>, given: vec4<f32>, classes: vec4<u32>) -> Sides {
    return Sides(biased(x, classes), given, 1.0 - given);
}

// exp(−|u|) by what rounding took off u: here nothing.
fn shifted(e: vec4<f32>, s: Sides) -> vec4<f32> {
    return e;
}

fn loss_on_score(loss: vec4<f32>) -> vec4<f32> {
    return loss;
}

fn slope_on_score(slope: vec4<f32>) -> vec4<f32> {
    return slope;
}
