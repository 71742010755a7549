// Labels and list offsets: integers of one or two words.

override TARGET_WORDS: u32 = 1u;
override TARGET_SIGNED: bool = false;

@group(0) @binding(4) var<storage, read_write> targets: array<u32>;

// Element `i` as (low, high) words.
fn target_integer(i: u32) -> vec2<u32> {
    let low = targets[i * TARGET_WORDS];
    if (TARGET_WORDS == 2u) {
        return vec2(low, targets[i * 2u + 1u]);
    }
    return vec2(low, select(0u, 0xffffffffu, TARGET_SIGNED && (low >> 31u) == 1u));
}
