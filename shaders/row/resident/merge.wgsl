// Merges what the team's invocations hold of a resident row.

fn merge_resident(
    best: Best,
    row_max: vec4<f32>,
    sums: NumeratorSums,
    targets: BSums,
    listed: array<vec4<f32>, 3>,
    ahead: Ahead,
) -> RowTotals {
    let numerators = numerators_total(sums);
    let gathered = b_sums_total(targets);
    let terms = array<vec4<f32>, 4>(numerators[0], numerators[1], gathered[0], gathered[1]);
    return merge_team(best, row_max, terms, listed, numerators_spread(sums), ahead);
}
