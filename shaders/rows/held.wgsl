// A strip in registers, each score read once: first its top, then each element's share of that, from which both the
// sum and the gradient come. What depends on how many quads are held, `walk_strip`, is written out by the composition.

fn shares_start() -> Shares {
    return Shares(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
}

// Merges what the team's invocations hold.
fn conclude_shares(stats: Stats, top: vec4<f32>, shares: Shares, listed: array<vec4<f32>, 3>) -> Summary {
    let at_top = shares.greatest == vec4(1.0);
    let rest = shares.rest + select(shares.greatest, vec4(0.0), at_top);
    let marks = select(vec4(0.0), vec4(1.0), at_top);
    return conclude(stats, top, array<vec4<f32>, 4>(rest, marks, shares.a, shares.d), listed);
}

// B where the statistics gather it.
fn gathered(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    if (gathers_targets()) {
        return held_weights(s, t, c);
    }
    return vec4(0.0);
}

// The gradient of a held quad; true classes have theirs later where they are patched in.
fn held_gradient(
    s: Strip,
    t: ptr<function, Target>,
    r: Row,
    c: u32,
    x: vec4<f32>,
    share: vec4<f32>,
    gathered: vec4<f32>,
) -> vec4<f32> {
    if (patches_held()) {
        return false_gradient_of_share(r, x, share);
    }
    var b = gathered;
    if (!gathers_targets()) {
        b = held_weights(s, t, c);
    }
    return gradient_of_share(r, x, share, b);
}
