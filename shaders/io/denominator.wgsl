// A mean's denominator that is only known on the device.

@group(0) @binding(17) var<storage, read_write> denominator: array<f32>;

fn given_denominator() -> f32 {
    return denominator[0];
}
