// Losses of single elements: no row to reduce, so scores are taken flat, by vectors. A team takes a block of
// BLOCK elements and leaves the sum of its losses: the sum over blocks is the same tree whatever the chunks.

override GRAD: bool = true;
override CORRECT: bool = false;
override STRIDED: bool = false; // the n do not follow one another without gaps
override BLOCK: u32 = 4096u;
override TASKS_PER_GROUP: u32 = 1u;
override ONE_TASK: bool = false; // each team has exactly one of them
override HAS_LOSSES: bool = false;

const ROWWISE = false;

@group(0) @binding(13) var<storage, read_write> partials: array<f32>;

fn do_group(group: u32) {
    // A loop of one turn costs a software adapter two.
    if (ONE_TASK) {
        do_block(group * TASKS_PER_GROUP + team);
        return;
    }
    for (var k = team; k < TASKS_PER_GROUP; k += teams) {
        do_block(group * TASKS_PER_GROUP + k);
    }
}

fn do_block(block: u32) {
    let begin = min(block * BLOCK, params.elements);
    let end = min(begin + BLOCK, params.elements);
    var sum = vec4(0.0);
    var rest = begin;
    if (!STRIDED && VECTORS_PER_LOAD > 1u) {
        rest += (end - begin) / (16u * team_size) * (16u * team_size);
        for (var i = begin + 4u * VECTORS_PER_LOAD * rank; i < rest; i += 16u * team_size) {
            sum += do_four_vectors(i);
        }
    }
    for (var i = rest + 4u * rank; i < end; i += 4u * team_size) {
        sum += do_vector(i, vec4(i) + IOTA < vec4(end));
    }
    let total = team_sum(vec4((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0)).x;
    if (rank == 0u && begin < end) {
        partials[params.first_partial + block] = total;
    }
}

// What a vector comes to.
struct Terms {
    loss: vec4<f32>, // scaled: many losses add up to more than f32 holds before their mean does
    grad: vec4<f32>,
}

// Four vectors that exist, the first of elements i..i+3 of the chunk; returns their losses.
fn do_four_vectors(i: u32) -> vec4<f32> {
    let at = four_from(i);
    let u = load_four(params.scores_at + i, load_step());
    let inside = vec4(true);
    let x = terms(place_of(at.x, inside), u[0]);
    let y = terms(place_of(at.y, inside), u[1]);
    let z = terms(place_of(at.z, inside), u[2]);
    let w = terms(place_of(at.w, inside), u[3]);
    if (GRAD) {
        store_four(params.grad_at + i, load_step(), array<vec4<f32>, 4>(x.grad, y.grad, z.grad, w.grad));
    }
    return (x.loss + y.loss) + (z.loss + w.loss);
}

// Elements i..i+3, as far as they exist; returns their losses.
fn do_vector(i: u32, inside: vec4<bool>) -> vec4<f32> {
    let p = place_of(i, inside);
    var u: vec4<f32>;
    if (STRIDED) {
        let places = params.scores_at + p.n * params.scores_stride + p.column;
        u = vec4(load1(places.x), load1(places.y), load1(places.z), load1(places.w));
    } else {
        u = load4(params.scores_at + i);
    }
    let result = terms(p, u);
    if (GRAD) {
        if (STRIDED) {
            let to = params.grad_at + p.n * params.grad_stride + p.column;
            for (var k = 0u; k < 4u; k++) {
                store_some(to[k], vec4(result.grad[k]), vec4(p.inside[k], false, false, false));
            }
        } else if (all(p.inside)) {
            store4(params.grad_at + i, result.grad);
        } else {
            store_some(params.grad_at + i, result.grad, p.inside);
        }
    }
    return result.loss;
}

// Where a vector's elements lie: in the chunk from `i` on, of their `n`, in their rows and classes.
struct Place {
    i: u32,
    inside: vec4<bool>, // which of them exist
    n: vec4<u32>,
    column: vec4<u32>,
    rows: vec4<u32>,
    classes: vec4<u32>,
}

fn place_of(i: u32, inside: vec4<bool>) -> Place {
    let inner = params.inner;
    let at = params.phase + select(vec4(i), vec4(i) + IOTA, inside);
    let above = at / inner;
    let n = above / params.classes;
    return Place(
        i,
        inside,
        n,
        at - n * (params.classes * inner),
        n * inner + (at - above * inner),
        above % params.classes,
    );
}

// The losses and gradients of a vector. Losses that are wanted one by one are written.
fn terms(p: Place, u: vec4<f32>) -> Terms {
    var t = target_open(params.first_row + p.rows);
    target_seek(&t, p.classes);
    var wrong = t.state == vec4(BAD);
    if (has_bad_rows()) {
        wrong |= is_bad(params.first_row + p.rows);
    }
    let live = (t.state == vec4(LIVE)) & p.inside & !wrong;
    let at = params.dense_at + p.i;
    let v = element_weights4(at);
    let q = weights_of(p.classes);
    // Huge weights are taken in other units until they are scaled: they overflow on the way to a mean that does not.
    var unit = vec4(1.0);
    var units = vec4(1.0);
    if (WEIGHTED) {
        let huge = q > vec4(1.8446744e19);
        unit = select(unit, vec4(5.421011e-20), huge);
        units = select(units, vec4(1.8446744e19), huge);
    }
    let result = term(sides(u, target_values(&t, p.classes, at), p.classes), q * unit, unit);
    let none = (t.state == vec4(IGNORED)) | !p.inside;
    let scaled = select(select(v * loss_on_score(result.loss), nan(), wrong), vec4(0.0), none);
    let loss = scaled * units;
    for (var k = 0u; k < 4u; k++) {
        if (HAS_LOSSES && p.inside[k]) {
            put_loss(at + k, loss[k]);
        }
        if (live[k] && result.outside[k]) {
            count_outside(params.first_row + p.rows[k]);
        }
    }
    // What arrives at an element of weight 0 counts for nothing, NaN too; a NaN of its own does.
    let counts = live & ((v != vec4(0.0)) | is_nan(result.slope));
    let slope = (slope_on_score(result.slope) * v * (grad_scale() * upstream4(at))) * units;
    return Terms((scaled * loss_scale()) * units, select(vec4(0.0), slope, counts));
}
