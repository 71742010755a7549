// Functions that WGSL's own are too lax for: log1p near 0, tanh and exp far out to f32's last digits.

// exp for arguments of at most 0. exp2 takes one rounding less; far out, −∞ included, it comes to 0.
fn exp_nonpositive(x: vec4<f32>) -> vec4<f32> {
    return exp2(x * 1.4426950408889634);
}

// The greatest bits so far, as signed and as unsigned integers: those of a NaN are greater than infinity's, by one order or
// the other as its sign is. Half an instruction each where a GPU takes the greatest of three.
struct NanMarks {
    above: vec4<i32>,
    below: vec4<u32>,
}

fn nan_marks_start() -> NanMarks {
    return NanMarks(vec4(0), vec4(0u));
}

fn nan_marks_add(s: NanMarks, x: vec4<f32>) -> NanMarks {
    return NanMarks(max(s.above, bitcast<vec4<i32>>(x)), max(s.below, bitcast<vec4<u32>>(x)));
}

fn nan_marks_select(no: NanMarks, yes: NanMarks, which: vec4<bool>) -> NanMarks {
    return NanMarks(select(no.above, yes.above, which), select(no.below, yes.below, which));
}

fn holds_nan(s: NanMarks) -> vec4<bool> {
    return (s.above > vec4(0x7f800000)) | (s.below > vec4(0xff800000u));
}

// The same to about 2 ulp however far out, where exp2 has the rounding of its argument, x·6e-8, in it. Whole powers of 2 are
// taken off x, whose products with the first bits of log 2 are exact: a compiler may contract what follows, and loses digits,
// but no more than above, if it reassociates. 0 where f32 has no normal number.
fn exp_nonpositive_exact(x: vec4<f32>) -> vec4<f32> {
    let near = max(x, vec4(-87.0));
    let n = round(near * 1.4426950408889634);
    let f = (near - n * 0.693145751953125) - n * 1.42860677e-6;
    let square = f * f * (0.4999923 + f * (0.16667116 + f * (0.04189033 + f * 0.008312501)));
    let power = bitcast<vec4<f32>>((vec4<i32>(n) + vec4(127)) << vec4(23u));
    return select((1.0 + (f + square)) * power, vec4(0.0), x < vec4(-87.0));
}

// log(1 + x) for x ≥ 0, to about 1 ulp (the reduction and polynomial of FreeBSD's logf).
fn log1p_nonnegative(x: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(1.0 + x) + vec4(0x3f800000u - 0x3f3504f3u);
    let exponent = vec4<f32>(bits >> vec4(23u)) - 127.0;
    let mantissa = bitcast<vec4<f32>>((bits & vec4(0x007fffffu)) + vec4(0x3f3504f3u));
    let f = select(mantissa - 1.0, x, exponent == vec4(0.0));
    let s = f / (2.0 + f);
    let z = s * s;
    let series = z * (0.66666662693 + z * (0.40000972152 + z * (0.28498786688 + z * 0.24279078841)));
    let half_square = 0.5 * f * f;
    return exponent * 0.69314718056 + (s * (half_square + series) - half_square + f);
}

// log|x|; −104 at 0. Adapters may take subnormals for 0, but their bits count steps of 2^−149.
fn log_nonnegative(x: vec4<f32>) -> vec4<f32> {
    let magnitude = bitcast<vec4<u32>>(x) & vec4(0x7fffffffu);
    let subnormal = magnitude < vec4(0x00800000u);
    let normal = select(magnitude, bitcast<vec4<u32>>(vec4<f32>(magnitude)), subnormal);
    let bits = normal + vec4(0x3f800000u - 0x3f3504f3u);
    let exponent = vec4<f32>(bits >> vec4(23u)) - select(vec4(127.0), vec4(276.0), subnormal);
    let f = bitcast<vec4<f32>>((bits & vec4(0x007fffffu)) + vec4(0x3f3504f3u)) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let series = z * (0.66666662693 + z * (0.40000972152 + z * (0.28498786688 + z * 0.24279078841)));
    let half_square = 0.5 * f * f;
    let value = exponent * 0.69314718056 + (s * (half_square + series) - half_square + f);
    return select(value, vec4(-104.0), magnitude == vec4(0u));
}

// softplus(−u) = log(1 + exp(−u)) without overflow or cancellation.
fn softplus_of_minus(u: vec4<f32>) -> vec4<f32> {
    return max(-u, vec4(0.0)) + log1p_nonnegative(exp_nonpositive(-abs(u)));
}

// tanh, exact in the last digits on both sides of 0.3.
fn tanh_exact(y: vec4<f32>) -> vec4<f32> {
    let e = exp_nonpositive(-2.0 * abs(y));
    let far = sign(y) * ((1.0 - e) / (1.0 + e));
    let z = y * y;
    let near = y + y * z * (-0.33333333 + z * (0.13333333 + z * (-0.053968254 + z * 0.021869489)));
    return select(far, near, abs(y) < vec4(0.3));
}

// 1 − tanh², without cancellation.
fn sech_squared(y: vec4<f32>) -> vec4<f32> {
    let e = exp_nonpositive(-2.0 * abs(y));
    return 4.0 * e / ((1.0 + e) * (1.0 + e));
}
