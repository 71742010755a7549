// Merges the records of each row's parts, one thread a row, and writes the row's results.

override GROUP_SIZE: u32 = 64u;
override ARGMAX: bool = false;
override CORRECT: bool = false;

const ROWWISE = true;
const LANES = 1u;
const SPLIT = false;
const GATHERS = false;
const rank = 0u;
const team_size = 1u;

fn strip_max(v: vec4<f32>) -> vec4<f32> {
    return v;
}

fn strip_sum(v: vec4<f32>) -> vec4<f32> {
    return v;
}

// The dense target at the row's winner, and the greatest.
var<private> winner_targets: vec2<f32>;

fn sweep_winner(s: Strip, t: ptr<function, Target>, winner: vec4<u32>, needed: bool) -> array<vec4<f32>, 2> {
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
    var s: Strip;
    s.rows = vec4(row);
    s.exists = vec4(true, false, false, false);
    var t = target_open(s.rows);

    var merged = parts[part_index(row, 0u)];
    var at_best = merged.greatest;
    for (var i = 1u; i < params.parts; i++) {
        let part = parts[part_index(row, i)];
        merged.top = max(merged.top, part.top);
        if (part.best > merged.best || (part.best == merged.best && part.best_at < merged.best_at)) {
            merged.best = part.best;
            merged.best_at = part.best_at;
            merged.flags = part.flags | (merged.flags & STATE);
            at_best = part.greatest;
        }
        merged.greatest = max(merged.greatest, part.greatest);
        merged.flags |= part.flags & STATE;
    }
    winner_targets = vec2(select(-1.0, at_best, (merged.flags & BEST_IS_GREATEST) != 0u), merged.greatest);
    if ((merged.flags & CLASSLESS) != 0u) {
        t.count = vec4(0.0);
    }
    let state = min(merged.flags & STATE, BAD);
    let top = vec4(merged.top);
    var rest = vec4(0.0);
    var at_top = vec4(-1.0);
    var a = vec4(0.0);
    var d = vec4(0.0);
    for (var i = 0u; i < params.parts; i++) {
        let part = parts[part_index(row, i)];
        let share = rebased(vec4(part.top), vec4(part.rest), vec4(part.a), vec4(part.d), top);
        rest += share[0];
        at_top += share[1];
        a += share[2];
        d += share[3];
    }
    rest += at_top;
    merged.rest = rest.x;
    merged.a = a.x;
    merged.d = d.x;

    let bad = vec4(state == BAD);
    let sum = Summary(top, rest, a, d, vec4(merged.best), vec4(merged.best_at), bad);
    put_results(s, t, vec4(state == LIVE), sum, row_finish(top, rest, a, d, t.count));
    put_statistics(row, merged);
}
