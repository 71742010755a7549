// After the last chunk: the reduced loss, always by the same tree, and the number of correct rows. One workgroup. Losses and
// loss may be ranges of one buffer, so that both are bound to be read and written.

override GROUP_SIZE: u32 = 64u; // a power of two
override MEAN: bool = false;
override CORRECT: bool = false;

@group(0) @binding(21) var<storage, read_write> losses: array<f32>;
@group(0) @binding(22) var<storage, read> denominator: array<f32>;
@group(0) @binding(23) var<storage, read_write> loss: array<f32>;

var<workgroup> sums: array<f32, GROUP_SIZE>;
var<workgroup> right: array<u32, GROUP_SIZE>;

// Losses are scaled as they are loaded: they may add up to more than f32 holds where their mean does not.
fn loss_scale() -> f32 {
    if (!MEAN) {
        return 1.0;
    }
    let over = denominator[0];
    return select(bitcast<f32>(task.empty_mean), 1.0 / over, over > 0.0);
}

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(local_invocation_index) rank: u32) {
    let scale = loss_scale();
    var total = 0.0;
    var correct = 0u;
    var row = rank;
    // Two levels, so that few terms meet a sum that has grown large.
    while (row < task.count) {
        let end = min(row + 64u * GROUP_SIZE, task.count);
        var part = 0.0;
        while (row < end) {
            part += scale * losses[row];
            correct += is_correct(row);
            row += GROUP_SIZE;
        }
        total += part;
    }
    sums[rank] = total;
    right[rank] = correct;
    workgroupBarrier();
    for (var half = GROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (rank < half) {
            sums[rank] += sums[rank + half];
            right[rank] += right[rank + half];
        }
        workgroupBarrier();
    }
    if (rank == 0u) {
        loss[0] = sums[0];
        if (CORRECT) {
            set_correct(right[0]);
        }
    }
}
