// Sums blocks of BLOCK values, one a workgroup, always as the same tree. Losses of rows are scaled as they are loaded: they
// may add up to more than f32 holds where their mean does not.

override GROUP_SIZE: u32 = 64u; // a power of two
override BLOCK: u32 = 4096u;
override LAST: bool = false;
override SCALES: bool = false;

@group(0) @binding(8) var<storage, read_write> values: array<f32>;
@group(0) @binding(13) var<storage, read_write> sums: array<f32>;

var<workgroup> partial: array<f32, GROUP_SIZE>;

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) rank: u32,
) {
    let group = at.y * count.x + at.x;
    let begin = group * BLOCK;
    let end = min(begin + BLOCK, params.count_of_values);
    var own = 0.0;
    for (var i = begin + rank; i < end; i += GROUP_SIZE) {
        own += select(1.0, loss_scale(), SCALES) * values[params.first_row + i];
    }
    partial[rank] = own;
    workgroupBarrier();
    for (var half = GROUP_SIZE / 2u; half > 0u; half /= 2u) {
        if (rank < half) {
            partial[rank] += partial[rank + half];
        }
        workgroupBarrier();
    }
    if (rank == 0u && (begin < params.count_of_values || LAST)) {
        var total = partial[0];
        if (params.count_of_values == 0u) {
            total *= loss_scale(); // a mean over nothing
        }
        sums[params.first_partial + group] = total;
    }
}
