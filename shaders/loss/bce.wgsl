// Binary cross-entropy of given probabilities z, per element, logs clamped at −100 and the denominator at 1e-12:
//
//     loss = −t·log z − (1−t)·log(1−z)      ∂loss/∂z = (z − t) / (z·(1−z))

struct Term {
    loss: vec4<f32>,
    slope: vec4<f32>,
    outside: vec4<bool>,
}

fn term(s: Sides, q: vec4<f32>, unit: vec4<f32>) -> Term {
    let z = s.u;
    let t = s.t;
    // As integers, the bits of 0..1 lie in 0..=0x3f800000; only −0 besides them is a probability.
    let bits = bitcast<vec4<u32>>(z);
    let outside = (bits > vec4(0x3f800000u)) & (bits != vec4(0x80000000u));
    let loss = t * min(-log_nonnegative(z), vec4(100.0)) + s.rest * min(minus_log_complement(z), vec4(100.0));
    // Below f32's normal numbers, where an adapter may take z for 0, z / 1e-12 is made of z's bits.
    let magnitude = bits & vec4(0x7fffffffu);
    let least = vec4<f32>(magnitude) * 1.4012985e-33 - t * 1e12;
    let slope = select((z - t) / max(z * (1.0 - z), vec4(1e-12)), least, magnitude < vec4(0x00800000u));
    return Term(select(loss, nan(), outside), select(slope, vec4(0.0), outside), outside);
}

// −log(1 − z): near z = 0, 1 − z would lose z's digits.
fn minus_log_complement(z: vec4<f32>) -> vec4<f32> {
    let small = log1p_nonnegative(z / (1.0 - z));
    return select(-log_nonnegative(1.0 - z), small, z < vec4(0.3));
}
