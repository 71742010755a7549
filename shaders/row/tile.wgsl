// A tile is what a team takes at once: one row (the row traversal) or four that lie side by side (the column traversal), over
// all classes or a slice of them. Vectors hold a value for each of its rows; the row traversal fills the first lane, or all
// alike.

struct RowTile {
    rows: vec4<u32>,    // in the bound windows of row-wise arrays
    exists: vec4<bool>,
    scores: u32,        // where its first class lies among the scores,
    grad: u32,          // the gradients
    dense: u32,         // and the dense targets
    first: u32,         // the number of that class
    classes: u32,       // how many
    split: u32,          // which split of its rows this is
    head: u32,          // where whole vectors begin,
    body_end: u32,      // and end (the row traversal);
    wide_begin: u32,    // where whole wide loads begin,
    rest: u32,          // and where those end of which every invocation takes four vectors, or holds what it takes
}

// Each row's greatest score, and the class that has it.
struct RowBest {
    score: vec4<f32>,
    at: vec4<u32>,
}

// What a tile comes to: each row's statistics, merged from all that the team has seen.
struct RowTotals {
    max: vec4<f32>,     // the greatest u; +∞ poisons the row
    rest: vec4<f32>,    // Σ exp(u − max) without one element that attains it; −1 if there is none
    a: vec4<f32>,       // Σ B
    d: vec4<f32>,       // Σ B·(max − u)
    best: vec4<f32>,    // the greatest score, and where it was first met
    best_at: vec4<u32>,
    bad: vec4<bool>,    // its class list means nothing
    spread: vec4<f32>,  // Σ exp(u − max)·(max − u)
    true_u: vec4<f32>,  // u of the true class
    ahead: vec4<f32>,   // how many classes go before it
}
