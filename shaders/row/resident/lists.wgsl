// B of a class in each of four resident rows, whose lists are first turned into bits: going along four lists class by class
// costs more than the scores do.

const BIT_WORDS = (RESIDENT_CLASSES + 31u) / 32u;

var<private> true_bits: array<vec4<u32>, BIT_WORDS>;
var<private> list_marks: vec4<f32>; // not 0 where a list means nothing

fn open_resident(t: Target, live: vec4<bool>) {
    for (var k = 0u; k < LANES; k++) {
        let entries = select(0u, listed_count(t, k), live[k]);
        for (var entry = 0u; entry < entries; entry++) {
            if (listed_ok(t, k, entry)) {
                let class_id = listed_class(t, k, entry);
                true_bits[class_id / 32u][k] |= 1u << (class_id % 32u);
            } else {
                list_marks[k] = 1e6;
            }
        }
    }
}

fn resident_weights(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    let bits = (true_bits[c / 32u] >> vec4(c % 32u)) & vec4(1u);
    return target_weights(vec4<f32>(bits), (*t).count, resident_numbers(s, c));
}

fn listed_terms(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    return array<vec4<f32>, 3>(vec4(0.0), vec4(0.0), list_marks);
}
