// Nothing is listed: Σ B and Σ B·(max − u) have been gathered class by class.

fn listed_terms(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    return array<vec4<f32>, 3>(vec4(0.0), vec4(0.0), vec4(0.0));
}
