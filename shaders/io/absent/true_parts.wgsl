// Nothing is kept of true classes.

fn put_true_part(i: u32, u: f32, ahead: f32) {}

fn true_part(i: u32) -> vec2<f32> {
    return vec2(0.0);
}
