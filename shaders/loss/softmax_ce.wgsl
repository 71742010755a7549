// Softmax cross-entropy: loss = A·lse − Σ_j B_j·u_j = d + A·log Σ, gradient A·p_j − B_j.

fn with_loss(row: FinishedRow, a: vec4<f32>, d: vec4<f32>, log_sum: vec4<f32>, count: vec4<f32>) -> FinishedRow {
    var r = row;
    r.loss = d + a * log_sum;
    r.p_factor = a;
    r.b_factor = vec4(1.0);
    return with_entropy(with_z_loss(r, count), count);
}
