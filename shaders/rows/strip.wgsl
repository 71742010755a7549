// A strip is what a team takes at once: one row (the row walk) or four that lie side by side (the column walk), over
// all classes or a slice of them. Vectors hold a value for each of its rows; the row walk fills the first lane, or all
// alike.

struct Strip {
    rows: vec4<u32>,    // in the bound windows of row-wise arrays
    exists: vec4<bool>,
    scores: u32,        // where its first class lies among the scores,
    grad: u32,          // the gradients
    dense: u32,         // and the dense targets
    first: u32,         // the number of that class
    classes: u32,       // how many
    part: u32,          // which part of its rows this is
    head: u32,          // where whole quads begin,
    body_end: u32,      // and end (the row walk);
    bricks: u32,        // where whole bricks begin,
    rest: u32,          // and where those end of which every invocation takes four quads, or holds what it takes
}

// What the held elements of a strip come to, once its top is known.
struct Shares {
    rest: vec4<f32>,     // Σ exp(u − top) but for the greatest
    greatest: vec4<f32>,
    a: vec4<f32>,        // Σ B
    d: vec4<f32>,        // Σ B·(top − u)
}

// What a strip comes to: each row's statistics, merged from all that the team has seen.
struct Summary {
    top: vec4<f32>,     // the greatest u; +∞ poisons the row
    rest: vec4<f32>,    // Σ exp(u − top) without one element that attains it; −1 if there is none
    a: vec4<f32>,       // Σ B
    d: vec4<f32>,       // Σ B·(top − u)
    best: vec4<f32>,    // the greatest score, and where it was first met
    best_at: vec4<u32>,
    bad: vec4<bool>,    // its class list means nothing
}
