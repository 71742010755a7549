// Scores and gradients in f16, two to a word, without the device's f16 feature: a vector is 8 bytes.

alias Packed4 = vec2<u32>;
alias Word = u32;
const ELEMENTS_PER_WORD = 2u;

// Round to nearest even in integers: pack2x16float leaves its rounding to the driver.
fn pack4(values: vec4<f32>) -> Packed4 {
    let bits = bitcast<vec4<u32>>(values);
    let magnitude = bits & vec4(0x7fffffffu);
    // Half an ulp, or one less before an even number; and the exponent's bias from 127 to 15.
    let rounded = magnitude + ((magnitude >> vec4(13u)) & vec4(1u)) - vec4(0x38000000u - 0xfffu);
    let normal = min(rounded >> vec4(13u), vec4(0x7c00u));
    // 0.5 has the ulp of f16's subnormals, so that the addition rounds to them.
    let subnormal = bitcast<vec4<u32>>(bitcast<vec4<f32>>(magnitude) + 0.5) - vec4(0x3f000000u);
    let half = select(normal, subnormal, magnitude < vec4(0x38800000u));
    let signs = bits & vec4(0x80000000u);
    let pairs = half.xz | (half.yw << vec2(16u)) | (signs.xz >> vec2(16u)) | signs.yw;
    return with_nan(pairs, magnitude > vec4(0x7f800000u), 0x7e00u);
}
