// One probability an element: t as given.

const COUNTED = false;

fn target_values(t: ptr<function, Target>, classes: vec4<u32>, i: u32) -> vec4<f32> {
    return dense4(i);
}
