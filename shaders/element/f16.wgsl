// Scores and gradients in f16, two to a word, without the device's f16 feature: a quad is 8 bytes.

alias Quad = vec2<u32>;
alias Word = u32;
const ELEMENTS_PER_WORD = 2u;

// Round to nearest even in integers: pack2x16float leaves its rounding to the driver.
fn half_bits(values: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(values);
    let magnitude = bits & vec4(0x7fffffffu);
    let rounded = magnitude + vec4(0xfffu) + ((magnitude >> vec4(13u)) & vec4(1u));
    let normal = (rounded - vec4(0x38000000u)) >> vec4(13u);
    // 0.5 has the ulp of f16's subnormals, so that the addition rounds to them.
    let subnormal = bitcast<vec4<u32>>(abs(values) + 0.5) - vec4(0x3f000000u);
    var half = select(normal, subnormal, magnitude < vec4(0x38800000u));
    half = select(half, vec4(0x7c00u), rounded >= vec4(0x47800000u));
    half = select(half, vec4(0x7e00u), magnitude > vec4(0x7f800000u));
    return half | ((bits >> vec4(16u)) & vec4(0x8000u));
}

fn pack_quad(values: vec4<f32>) -> Quad {
    let half = half_bits(values);
    return half.xz | (half.yw << vec2(16u));
}
