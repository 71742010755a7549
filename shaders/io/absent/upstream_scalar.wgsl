// No gradient arrives at the loss.

fn scalar_upstream() -> f32 {
    return 1.0;
}
