// What a target scan finds: in one row, in the rows of a thread, in all.

struct Found {
    weight: f32,      // Σ w_y over valid rows
    valid: u32,       // valid rows
    bad: u32,         // rows whose label or list means nothing
    first_bad: u32,
}

const ROWWISE = true;
const NOTHING = Found(0.0, 0u, 0u, 0xffffffffu);

fn merge(a: Found, b: Found) -> Found {
    return Found(a.weight + b.weight, a.valid + b.valid, a.bad + b.bad, min(a.first_bad, b.first_bad));
}
