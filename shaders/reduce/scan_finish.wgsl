// Merges what a scan found, or finds it in the labels of a small batch by itself, into the scale of losses and gradients, and into the status. One workgroup.

override GROUP_SIZE: u32 = 64u;   // a power of two
override OVER_WEIGHTS: bool = false; // the mean divides by Σ w_y
override OVER_VALID: bool = false;   // the mean divides by the valid rows' classes
override GIVEN_DENOMINATOR: bool = false;

@group(0) @binding(14) var<storage, read_write> scales_out: Scales;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(local_invocation_index) rank: u32) {
    var own = NOTHING;
    for (var i = rank; i < params.count_of_values; i += GROUP_SIZE) {
        own = merge(own, found(i));
    }
    let all = found_by_all(rank, own);
    if (rank != 0u) {
        return;
    }
    tell_status(all);
    var factor = params.mean_factor;
    if (OVER_WEIGHTS && all.weight > 0.0) {
        factor = 1.0 / all.weight;
    }
    if (OVER_VALID && all.valid > 0u) {
        factor = 1.0 / (f32(all.valid) * f32(params.all_classes));
    }
    if (GIVEN_DENOMINATOR) {
        let denominator = given_denominator();
        factor = select(0.0, 1.0 / denominator, denominator > 0.0);
    }
    scales_out.grad_scale = factor * scalar_upstream();
    scales_out.bad_rows = all.bad;
    scales_out.loss_scale = select(factor, bitcast<f32>(params.empty_mean), factor == 0.0);
}
