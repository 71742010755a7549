// How many classes go before the true one: those of a greater score, or of an equal one and a lower index. f32 counts up to
// 2^24.

alias Ahead = vec4<f32>;

fn ahead_start() -> Ahead {
    return vec4(0.0);
}

fn ahead_add(s: Ahead, x: vec4<f32>, classes: vec4<u32>, inside: vec4<bool>) -> Ahead {
    let order = order_of(x, classes);
    let own = order_of(truth.score, truth.classes);
    let before = (order > own) | ((order == own) & (classes < truth.classes));
    return s + select(vec4(0.0), vec4(1.0), before & inside);
}

fn ahead_select(no: Ahead, yes: Ahead, which: vec4<bool>) -> Ahead {
    return select(no, yes, which);
}

fn ahead_of_team(s: Ahead) -> vec4<f32> {
    return tile_sum(s);
}
