// Nobody asks for entropies.

fn put_entropy(i: u32, value: f32) {}
