// What losses and gradients are multiplied by: written by the target scan, read by the walks and the last sum.

struct Scalars {
    grad_scale: f32,     // what each loss counts for in the gradient: 1, 1/denominator, or 0 over an empty mean
    loss_scale: f32,     // what the sum of losses is multiplied by
}
