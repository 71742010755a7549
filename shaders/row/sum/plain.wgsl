// A sum of so few terms that their roundings stay within the promise: 64 of them come to 4e-6 of it at most.

struct Sum {
    high: vec4<f32>,
}

fn sum_of(value: vec4<f32>) -> Sum {
    return Sum(value);
}

fn sum_add(s: Sum, term: vec4<f32>) -> Sum {
    return Sum(s.high + term);
}

fn sum_total(s: Sum) -> vec4<f32> {
    return s.high;
}

fn sum_choose(no: Sum, yes: Sum, which: vec4<bool>) -> Sum {
    return Sum(select(no.high, yes.high, which));
}

// (s + 1)·factor
fn sum_below(s: Sum, factor: vec4<f32>) -> Sum {
    return Sum((s.high + 1.0) * factor);
}

fn sum_scaled(s: Sum, factor: vec4<f32>) -> Sum {
    return Sum(s.high * factor);
}
