// A teacher's scores v as targets, t = σ(v/τ), on scores u = x/τ. Both sides may be all but the same: what rounding takes off
// either is put back where exp is taken of it. `logit_scale` is 1/τ, `loss_factor` 1 or τ².

// What the loss of an element is between.
struct Sides {
    u: vec4<f32>,
    off: vec4<f32>,  // what rounding took off u
    t: vec4<f32>,
    rest: vec4<f32>, // 1 − t
}

struct Tempered {
    value: vec4<f32>,
    off: vec4<f32>,
}

// What rounding took off x·(high + low), given that product; `high` has 12 bits. So have x's own first bits, `h`, whose product
// with it is exact: a compiler may contract what follows. One that reassociates may come to 0, and nothing is mended.
fn taken_off(x: vec4<f32>, high: f32, low: f32, product: vec4<f32>) -> vec4<f32> {
    let h = bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) & vec4(0xfffff000u));
    return (h * high - product) + (h * low + (x - h) * (high + low));
}

fn tempered(x: vec4<f32>) -> Tempered {
    let high = bitcast<f32>(bitcast<u32>(params.logit_scale) & 0xfffff000u);
    let value = params.logit_scale * x;
    // max() keeps compilers from contracting the product into the difference that tells its rounding.
    let off = taken_off(x, high, params.logit_scale - high, max(value, vec4(-3.4028234e38)));
    return Tempered(value, select(off, vec4(0.0), is_infinity(off) | is_nan(off)));
}

// exp(−|u|) of the sum, once exp of the value is known.
fn put_back(e: vec4<f32>, u: vec4<f32>, off: vec4<f32>) -> vec4<f32> {
    return e - e * (sign(u) * off);
}

fn sides(x: vec4<f32>, given: vec4<f32>, classes: vec4<u32>) -> Sides {
    let student = tempered(x);
    let teacher = tempered(given);
    let v = teacher.value;
    let e = put_back(exp_nonpositive_exact(-abs(v)), v, teacher.off);
    let inverse = 1.0 / (1.0 + e);
    let above = v >= vec4(0.0);
    let u = select(biased(student.value, classes), nan(), is_nan(given));
    return Sides(u, student.off, select(e, vec4(1.0), above) * inverse, select(vec4(1.0), e, above) * inverse);
}

fn shifted(e: vec4<f32>, s: Sides) -> vec4<f32> {
    return put_back(e, s.u, s.off);
}

fn loss_on_score(loss: vec4<f32>) -> vec4<f32> {
    return loss * params.loss_factor;
}

fn slope_on_score(slope: vec4<f32>) -> vec4<f32> {
    return slope * (params.loss_factor * params.logit_scale);
}
