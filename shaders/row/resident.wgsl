// A tile in registers, each score read once: first its max, then each element's numerator, from which both the
// sum and the gradient come. What depends on how many vectors stay resident, `do_tile`, is written out by the composition.

fn numerators_start() -> NumeratorSums {
    return NumeratorSums(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
}

// Merges what the team's invocations hold.
fn merge_numerators(row_state: RowState, row_max: vec4<f32>, sums: NumeratorSums, listed: array<vec4<f32>, 3>) -> RowTotals {
    let at_max = sums.greatest == vec4(1.0);
    let rest = sums.rest + select(sums.greatest, vec4(0.0), at_max);
    let marks = select(vec4(0.0), vec4(1.0), at_max);
    return merge_team(row_state, row_max, array<vec4<f32>, 4>(rest, marks, sums.a, sums.d), listed);
}

// B where the statistics gather it.
fn gathered(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    if (gathers_targets()) {
        return resident_weights(s, t, c);
    }
    return vec4(0.0);
}

// The gradient of a resident vector; true classes have theirs later where they are patched in.
fn resident_gradient(
    s: RowTile,
    t: ptr<function, Target>,
    r: FinishedRow,
    c: u32,
    x: vec4<f32>,
    numerator: vec4<f32>,
    gathered: vec4<f32>,
) -> vec4<f32> {
    if (patches_resident()) {
        return false_gradient_of_numerator(r, x, numerator);
    }
    var b = gathered;
    if (!gathers_targets()) {
        b = resident_weights(s, t, c);
    }
    return gradient_of_numerator(r, x, numerator, b);
}
