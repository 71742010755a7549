// No list is known to be bad.

fn is_bad(rows: vec4<u32>) -> vec4<bool> {
    return vec4(false);
}

fn put_verdict(row: u32, good: bool) {}
