// The greatest score, and the class where it was first met: what argmax and correct rows are told by.

struct Best {
    score: vec4<f32>,
    at: vec4<u32>,
}

fn best_start() -> Best {
    return Best(vec4(-3.4028234e38), vec4(0xffffffffu));
}

fn best_add(s: Best, x: vec4<f32>, classes: vec4<u32>) -> Best {
    let first = (x > s.score) | ((s.at == vec4(0xffffffffu)) & !is_negative_infinity(x));
    return Best(select(s.score, x, first), select(s.at, classes, first));
}

fn best_select(no: Best, yes: Best, which: vec4<bool>) -> Best {
    return Best(select(no.score, yes.score, which), select(no.at, yes.at, which));
}

// Of the whole team; the lowest class wins a tie.
fn best_of_team(s: Best) -> RowBest {
    let score = tile_max(s.score);
    return RowBest(score, tile_min(select(vec4(0xffffffffu), s.at, s.score == score)));
}
