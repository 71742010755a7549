// Merges the statistics of each row's splits, one thread a row, and writes the row's results.

override GROUP_SIZE: u32 = 64u;
override CORRECT: bool = false;

const ROWWISE = true;
const LANES = 1u;
const SPLIT = false;
const rank = 0u;
const team_size = 1u;

// The dense target at the row's winner, and the greatest.
var<private> winner_targets: vec2<f32>;

fn find_winner(s: RowTile, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4(winner_targets.x), vec4(winner_targets.y));
}

@compute @workgroup_size(GROUP_SIZE)
fn main(
    @builtin(workgroup_id) at: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let id = (at.y * count.x + at.x) * GROUP_SIZE + local;
    if (id >= params.rows) {
        return;
    }
    let row = params.first_row + id;
    var s: RowTile;
    s.rows = vec4(row);
    s.exists = vec4(true, false, false, false);
    var t = target_open(s.rows);

    var merged = splits[split_index(row, 0u)];
    var at_best = merged.greatest;
    for (var i = 1u; i < params.splits; i++) {
        let split = splits[split_index(row, i)];
        merged.max = max(merged.max, split.max);
        if (split.best > merged.best || (split.best == merged.best && split.best_at < merged.best_at)) {
            merged.best = split.best;
            merged.best_at = split.best_at;
            merged.flags = split.flags | (merged.flags & STATE);
            at_best = split.greatest;
        }
        merged.greatest = max(merged.greatest, split.greatest);
        merged.flags |= split.flags & STATE;
    }
    // A greater target may be another split's than that of the best score.
    if (at_best != merged.greatest) {
        merged.flags &= ~BEST_IS_GREATEST;
    }
    winner_targets = vec2(select(-1.0, at_best, (merged.flags & BEST_IS_GREATEST) != 0u), merged.greatest);
    if ((merged.flags & CLASSLESS) != 0u) {
        t.count = vec4(0.0);
    }
    let state = min(merged.flags & STATE, BAD);
    let row_max = vec4(merged.max);
    var rest = vec4(0.0);
    var at_max = vec4(-1.0);
    var a = vec4(0.0);
    var d = vec4(0.0);
    var spread = vec4(0.0);
    var true_class = vec2(-infinity().x, 0.0);
    for (var i = 0u; i < params.splits; i++) {
        let split = splits[split_index(row, i)];
        // Statistics of a plan that counts no entropies tell none.
        let own = select(nan().x, split.greatest, (split.flags & SPREAD_KNOWN) != 0u);
        spread += spread_rebased(vec4(own), vec4(split.rest), vec4(split.max), row_max);
        let part = true_part(split_index(row, i));
        true_class = vec2(max(true_class.x, part.x), true_class.y + part.y);
        let terms = rebased(vec4(split.max), vec4(split.rest), vec4(split.a), vec4(split.d), row_max);
        rest += terms[0];
        at_max += terms[1];
        a += terms[2];
        d += terms[3];
    }
    rest += at_max;
    merged.rest = rest.x;
    merged.a = a.x;
    merged.d = d.x;
    if (SPREADS) {
        merged.greatest = spread.x;
    }

    let bad = vec4(state == BAD);
    let sum = RowTotals(
        row_max,
        rest,
        a,
        d,
        vec4(merged.best),
        vec4(merged.best_at),
        bad,
        spread,
        vec4(true_class.x),
        vec4(true_class.y),
    );
    put_results(s, t, vec4(state == LIVE), sum, row_finish(row_max, rest, a, d, spread, t.count));
    put_statistics(row, merged);
}
