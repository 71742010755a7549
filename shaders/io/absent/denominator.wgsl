// The mean divides by its own count.

fn given_denominator() -> f32 {
    return 1.0;
}
