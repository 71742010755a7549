// A teacher's scores in bf16, at any element.

@group(0) @binding(4) var<storage, read_write> targets: array<u32>;

fn dense1(i: u32) -> f32 {
    return bitcast<f32>((targets[i / 2u] >> (16u * (i & 1u))) << 16u);
}

fn dense4(i: u32) -> vec4<f32> {
    return vec4(dense1(i), dense1(i + 1u), dense1(i + 2u), dense1(i + 3u));
}
