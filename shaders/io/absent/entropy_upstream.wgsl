// No gradient arrives at the entropies.

fn entropy_upstream_at(i: u32) -> f32 {
    return 0.0;
}
