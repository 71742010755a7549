// A sum and what its additions rounded away: one of many terms would wear small ones down.

struct Sum {
    high: vec4<f32>,
    low: vec4<f32>,
}

fn sum_of(value: vec4<f32>) -> Sum {
    return Sum(value, vec4(0.0));
}

fn sum_add(s: Sum, term: vec4<f32>) -> Sum {
    let high = s.high + term;
    // max() keeps compilers from taking (a + b) − a for b.
    return Sum(high, s.low + (term - (max(high, vec4(-3.4028234e38)) - s.high)));
}

fn sum_total(s: Sum) -> vec4<f32> {
    return select(s.high + s.low, s.high, is_infinity(s.high));
}

fn sum_choose(no: Sum, yes: Sum, which: vec4<bool>) -> Sum {
    return Sum(select(no.high, yes.high, which), select(no.low, yes.low, which));
}

// (s + 1)·factor
fn sum_below(s: Sum, factor: vec4<f32>) -> Sum {
    return Sum((s.high + 1.0) * factor, s.low * factor);
}

fn sum_scaled(s: Sum, factor: vec4<f32>) -> Sum {
    return Sum(s.high * factor, s.low * factor);
}
