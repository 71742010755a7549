// What the small kernels around the products are told: written once, when a plan is made.

struct Task {
    count: u32,       // rows or elements of this dispatch
    from_at: u32,     // where they begin in what is read,
    to_at: u32,       // and in what is written
    stride: u32,      // from one row to the next in what is read
    columns: u32,
    denominator: f32, // what the mean divides by, where the host knows it; 0 where losses are not divided
    empty_mean: u32,  // bits of what a mean over nothing is
    accumulate: u32,
}

@group(0) @binding(20) var<uniform> task: Task;
