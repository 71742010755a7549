// Losses of single elements: no row to reduce, so scores are walked flat, by quads. A team takes a block of
// BLOCK elements and leaves the sum of its losses: the sum over blocks is the same tree whatever the chunks.

override GRAD: bool = true;
override ARGMAX: bool = false; // every walk declares the same options
override CORRECT: bool = false;
override STRIDED: bool = false; // the n do not follow one another without gaps
override BLOCK: u32 = 4096u;
override TASKS_PER_GROUP: u32 = 1u;
override ONE_TASK: bool = false; // each team has exactly one of them
override HAS_LOSSES: bool = false;

const ROWWISE = false;

@group(0) @binding(13) var<storage, read_write> partials: array<f32>;

fn walk_group(group: u32) {
    // A loop of one turn costs a software adapter two.
    if (ONE_TASK) {
        walk_block(group * TASKS_PER_GROUP + team);
        return;
    }
    for (var k = team; k < TASKS_PER_GROUP; k += teams) {
        walk_block(group * TASKS_PER_GROUP + k);
    }
}

fn walk_block(block: u32) {
    let begin = block * BLOCK;
    let end = min(begin + BLOCK, params.elements);
    var sum = vec4(0.0);
    for (var i = begin + 4u * rank; i < end; i += 4u * team_size) {
        sum += walk_quad(i, vec4(i) + IOTA < vec4(end));
    }
    let total = team_sum(vec4((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0)).x;
    if (rank == 0u && begin < params.elements) {
        partials[params.first_part + block] = total;
    }
}

// Elements i..i+3 of the chunk, as far as they exist; returns their losses.
fn walk_quad(i: u32, inside: vec4<bool>) -> vec4<f32> {
    let inner = params.inner;
    let at = params.phase + select(vec4(i), vec4(i) + IOTA, inside);
    let above = at / inner;
    let n = above / params.classes;
    let rows = n * inner + (at - above * inner);
    let classes = above % params.classes;
    var t = target_open(params.first_row + rows);
    target_seek(&t, classes);
    let live = (t.state == vec4(LIVE)) & inside;
    let column = at - n * (params.classes * inner);
    var u: vec4<f32>;
    if (STRIDED) {
        let places = params.scores_at + n * params.scores_stride + column;
        u = vec4(load1(places.x), load1(places.y), load1(places.z), load1(places.w));
    } else {
        u = load4(params.scores_at + i);
    }
    let v = element_weights4(params.dense_at + i);
    let result = term(u, target_values(&t, classes, params.dense_at + i), weights_of(classes));
    let wrong = t.state == vec4(BAD);
    let loss = select(select(v * result.loss, nan(), wrong), vec4(0.0), (t.state == vec4(IGNORED)) | !inside);
    for (var k = 0u; k < 4u; k++) {
        if (HAS_LOSSES && inside[k]) {
            put_loss(params.dense_at + i + k, loss[k]);
        }
        if (live[k] && result.outside[k]) {
            count_outside(params.first_row + rows[k]);
        }
    }
    if (GRAD) {
        let arriving = upstream4(params.dense_at + i);
        let g = select(vec4(0.0), result.slope * v * (scalars.grad_scale * arriving), live);
        if (STRIDED) {
            let to = params.grad_at + n * params.grad_stride + column;
            for (var k = 0u; k < 4u; k++) {
                store_some(to[k], vec4(g[k]), vec4(inside[k], false, false, false));
            }
        } else if (all(inside)) {
            store4(params.grad_at + i, g);
        } else {
            store_some(params.grad_at + i, g, inside);
        }
    }
    return loss;
}
