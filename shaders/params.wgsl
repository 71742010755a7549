// What every kernel is told: written once per dispatch, when a plan is made.

struct Params {
    rows: u32,           // rows of this chunk
    classes: u32,        // classes of this dispatch: all, or a slice of them
    first_class: u32,    // the number of the first of them
    all_classes: u32,    // what labels and class weights count
    inner: u32,          // D: positions behind the class axis; 1 when classes are innermost
    first_row: u32,      // where this chunk's rows begin in the bound windows of the row-wise arrays
    window_row: u32,     // the row of the batch at which those windows begin
    scores_at: u32,      // where its scores begin in the binding, in elements
    scores_stride: u32,  // from one row to the next (inner = 1) or one n to the next
    grad_at: u32,
    grad_stride: u32,
    dense_at: u32,       // where its dense targets begin
    dense_stride: u32,
    elements: u32,       // elements of this chunk (the element traversal)
    phase: u32,          // elements between the start of first_row's n and this chunk (the element traversal)
    first_split: u32,    // where this dispatch's splits of each row begin among all of the row's
    splits: u32,         // how many there are of each row: in this dispatch, or to merge
    first_partial: u32,  // where this dispatch's partial results begin
    count_of_values: u32, // how many values there are to reduce
    split_classes: u32,   // classes of one split of a row
    statistics_row_stride: u32,     // from one row's first stored to the next row's
    statistics_split_stride: u32,    // from one split's statistics to the next split's
    longest_list: u32,   // entries that a class list may have
    ignore_low: u32,     // ignore_index as two words
    ignore_high: u32,
    infinity: u32,       // bit patterns that a shader may not write as literals
    nan: u32,
    mean_factor: f32,    // 1 / denominator where it is known in advance, else 0
    empty_mean: u32,     // bits of what a mean over nothing is
    smoothing: f32,      // the label smoothing ε
    background: f32,     // ε / C
    z_loss: f32,
    logit_scale: f32,
    softcap: f32,
    gamma: f32,
    alpha: f32,
    alpha_negative: f32, // 1 − α, or 1 without α
    epsilon: f32,        // of poly-1
    entropy_coefficient: f32, // β
    margin_multiplier: f32,   // m₁
    margin_angle: f32,        // m₂, and its cosine and sine
    margin_angle_cos: f32,
    margin_angle_sin: f32,
    margin_cosine: f32,       // m₃
    gamma_positive: f32, // of the asymmetric loss
    gamma_negative: f32,
    clip: f32,
    twice_inverse_temperature: f32, // 2/τ of distillation
    loss_factor: f32,    // 1, or τ²
    slope_factor: f32,   // and that over τ
    teacher_share: f32,  // λ of Jensen–Shannon
    student_share: f32,  // 1 − λ
}

@group(0) @binding(0) var<uniform> params: Params;

const IOTA = vec4<u32>(0u, 1u, 2u, 3u);

// The row of the batch that lies at `index` of the bound windows.
fn batch_row(index: u32) -> u32 {
    return params.window_row + index;
}

fn infinity() -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4(params.infinity));
}

fn nan() -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4(params.nan));
}

// Infinities and NaNs are told by their bits: a shader compiler may assume that comparisons never meet them.
fn is_negative_infinity(x: vec4<f32>) -> vec4<bool> {
    return bitcast<vec4<u32>>(x) == vec4(0xff800000u);
}

fn is_positive_infinity(x: vec4<f32>) -> vec4<bool> {
    return bitcast<vec4<u32>>(x) == vec4(0x7f800000u);
}

fn is_infinity(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) << vec4(1u)) == vec4(0xff000000u);
}

fn is_nan(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) << vec4(1u)) > vec4(0xff000000u);
}
