// A margin on the true class: scores are cosines, and its own, x = cos θ, is replaced by
//
//     cos(m₁·θ + m₂) − m₃, or where the angle would pass π, x − m₂·sin m₂ − m₃
//
// It is found once a row (`row/truth/held`), in arithmetic of its own: WGSL's sine, cosine and arc cosine may be off by 2^−11.

const HAS_MARGIN = true;

const PI = 3.1415927;

// Which of these scores are the true class's. What stands for classes outside of a row is a mask, and stays one.
fn is_true(x: vec4<f32>, classes: vec4<u32>) -> vec4<bool> {
    return (classes == truth.classes) & !is_negative_infinity(x);
}

fn margined(x: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return select(x, truth.cosine, is_true(x, classes));
}

// A gradient on the true class's cosine with its margin, as one on its score.
fn through_margin(g: vec4<f32>, classes: vec4<u32>) -> vec4<f32> {
    return select(g, g * truth.slope, classes == truth.classes);
}

// (the cosine with its margin, its slope) of the true class's score. A cosine outside of [−1, 1] is clamped.
fn margin_at(score: vec4<f32>) -> array<vec4<f32>, 2> {
    let masked = is_negative_infinity(score);
    let x = clamp(score, vec4(-1.0), vec4(1.0));
    let inside = select(vec4(0.0), vec4(1.0), (x == score) & !masked);
    let sine = sqrt(max((1.0 - x) * (1.0 + x), vec4(0.0)));
    let root = max(sine, vec4(1e-6));
    var cosine: vec4<f32>;
    var slope: vec4<f32>;
    var past: vec4<bool>;
    if (params.margin_multiplier != 1.0) {
        let angle = params.margin_multiplier * arc_cosine(x, sine) + params.margin_angle;
        past = angle > vec4(PI);
        cosine = cosine_to_pi(angle);
        slope = params.margin_multiplier * sine_to_pi(angle) / root;
    } else {
        // θ + m₂ > π where cos θ < −cos m₂, and everywhere from m₂ = π on but for θ = 0.
        past = (x < vec4(-params.margin_angle_cos)) | vec4(params.margin_angle > PI);
        cosine = x * params.margin_angle_cos - sine * params.margin_angle_sin;
        slope = (sine * params.margin_angle_cos + x * params.margin_angle_sin) / root;
    }
    if (params.margin_angle == 0.0 && params.margin_multiplier == 1.0) {
        slope = vec4(1.0);
        past = vec4(false);
    }
    cosine = select(cosine, x - params.margin_angle * params.margin_angle_sin, past);
    slope = select(slope, vec4(1.0), past) * inside;
    return array<vec4<f32>, 2>(select(cosine - params.margin_cosine, score, masked), slope);
}

// acos x, where `sine` = √(1 − x²): by the arc tangent of the lesser of the two over the greater.
fn arc_cosine(x: vec4<f32>, sine: vec4<f32>) -> vec4<f32> {
    let flat = abs(x) > sine;
    let ratio = select(abs(x) / max(sine, vec4(1e-30)), sine / max(abs(x), vec4(1e-30)), flat);
    let near = arc_tangent(ratio);
    let acute = select(1.5707964 - near, near, flat); // acos |x|
    return select(acute, PI - acute, x < vec4(0.0));
}

// atan of 0 ≤ x ≤ 1 (the reduction and polynomial of Cephes' atanf).
fn arc_tangent(x: vec4<f32>) -> vec4<f32> {
    let far = x > vec4(0.41421357);
    let y = select(x, (x - 1.0) / (x + 1.0), far);
    let z = y * y;
    let series = (((0.0805374449538 * z - 0.138776856032) * z + 0.199777106478) * z - 0.333329491539) * z * y + y;
    return select(series, 0.7853982 + series, far);
}

// sin of 0 ≤ angle ≤ π.
fn sine_to_pi(angle: vec4<f32>) -> vec4<f32> {
    let a = min(angle, vec4(PI) - angle);
    return select(sine_to_quarter(a), cosine_to_quarter(1.5707964 - a), a > vec4(0.7853982));
}

// cos of 0 ≤ angle ≤ π.
fn cosine_to_pi(angle: vec4<f32>) -> vec4<f32> {
    let a = min(angle, vec4(PI) - angle);
    let acute = select(cosine_to_quarter(a), sine_to_quarter(1.5707964 - a), a > vec4(0.7853982));
    return select(acute, -acute, angle > vec4(1.5707964));
}

// sin and cos of up to π/4 (Cephes' sinf and cosf).
fn sine_to_quarter(a: vec4<f32>) -> vec4<f32> {
    let z = a * a;
    return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * a + a;
}

fn cosine_to_quarter(a: vec4<f32>) -> vec4<f32> {
    let z = a * a;
    return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}
