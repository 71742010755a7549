// What the target scan tells the traversals and the last sum.

struct Scales {
    grad_scale: f32,     // what each loss counts for in the gradient: 1, 1/denominator, or 0 over an empty mean
    loss_scale: f32,     // what the sum of losses is multiplied by
    bad_rows: u32,       // rows whose label or list means nothing
}
