// The log-probability of each row's true class, from the row's merged statistics: 0 in ignored rows, NaN in bad ones.

const ROWWISE = true;

@group(0) @binding(21) var<storage, read> merged: array<RowStatistics>;
@group(0) @binding(22) var<storage, read> true_scores: array<f32>;
@group(0) @binding(23) var<storage, read_write> log_probs: array<f32>;

override GROUP_SIZE: u32 = 64u;

@compute @workgroup_size(GROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= params.rows) {
        return;
    }
    let label = read_label(row);
    let statistics = merged[row];
    var log_prob = 0.0;
    if (label.state == BAD) {
        log_prob = nan().x;
    } else if (label.state == LIVE) {
        // The way from the true class's score to the greatest is the distance of weight 1.
        let u = vec4(true_scores[row]);
        let gap = weighted_gap(vec4(1.0), abs(0.5 * vec4(statistics.max) - 0.5 * u), u);
        let finished = row_finish(vec4(statistics.max), vec4(statistics.rest), vec4(1.0), gap, vec4(0.0), vec4(1.0));
        log_prob = -(gap.x + log1p_nonnegative(vec4(statistics.rest)).x) + finished.poison.x;
    }
    log_probs[row] = log_prob;
}
