// The score of each row's true class, loaded before the row is gone over: margins change it, ranks compare with it.

struct Truth {
    classes: vec4<u32>, // 2³²−1 where the true class is not at hand
    score: vec4<f32>,
    cosine: vec4<f32>,  // the score with its margin,
    slope: vec4<f32>,   // and the slope of that
}

var<private> truth: Truth;

fn open_truth(s: RowTile, t: Target) {
    let row = whole_row(s);
    let exists = select(s.exists, vec4(s.exists.x), vec4(LANES == 1u));
    let classes = single_class(t);
    let here = exists & (t.state == vec4(LIVE)) & (classes - row.first < vec4(row.classes));
    let at = select(vec4(row.first), classes, here);
    truth.classes = select(vec4(0xffffffffu), classes, here);
    truth.score = vec4(load1(score_at(row, at.x, 0u)));
    if (LANES >= 2u) {
        truth.score.y = load1(score_at(row, at.y, select(0u, 1u, here.y)));
    }
    if (LANES == 4u) {
        truth.score.z = load1(score_at(row, at.z, select(0u, 2u, here.z)));
        truth.score.w = load1(score_at(row, at.w, select(0u, 3u, here.w)));
    }
    let margin = margin_at(truth.score);
    truth.cosine = margin[0];
    truth.slope = margin[1];
}

// u of the true class; −∞ where it is not at hand.
fn true_logit() -> vec4<f32> {
    return select(logit(truth.score, truth.classes), -infinity(), truth.classes == vec4(0xffffffffu));
}
