// Each row's log-probability of its true class.

@group(0) @binding(20) var<storage, read_write> log_probs: array<f32>;

fn put_log_prob(i: u32, value: f32) {
    log_probs[i] = value;
}
